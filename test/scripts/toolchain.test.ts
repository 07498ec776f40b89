import { strict as assert } from "node:assert";
import { EventEmitter, once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { isAtLeast } from "../../scripts/toolchain";
import { withLock } from "../../scripts/toolchain/lock";
import { buildArguments, cacheKey, pinnedVersion, units, type Unit } from "../../scripts/toolchain/units";

describe("the version of pulumi on PATH", () => {
    const cases: [string, boolean][] = [
        ["v3.200.0", true],
        ["3.200.0", true],
        ["v3.259.0", true],
        ["v3.1000.0", true],
        ["v4.0.0", true],
        ["v3.200.1-alpha.1", true],
        ["v3.199.9", false],
        ["v3.99.0", false],
        ["v2.999.0", false],
        ["v3.20.0", false],
        ["unknown", false],
        ["", false],
    ];
    for (const [version, expected] of cases) {
        it(`${version || "(nothing)"} is ${expected ? "used" : "too old"}`, () => {
            assert.equal(isAtLeast(version, "3.200.0"), expected);
        });
    }
});

describe("the key of a build", () => {
    const unit: Unit = {
        name: "etcd",
        minutes: 1,
        programs: [{ name: "etcd", module: "scripts/toolchain/kubernetes", package: "go.etcd.io/etcd/server/v3" }],
    };
    const [program] = unit.programs;
    assert.ok(program);
    const key = cacheKey(unit, "linux-x64");

    const others: [string, string][] = [
        ["the platform", cacheKey(unit, "linux-arm64")],
        [
            "the pins",
            cacheKey({ ...unit, programs: [{ ...program, module: "scripts/toolchain/pulumi" }] }, "linux-x64"),
        ],
        ["a linker flag", cacheKey({ ...unit, programs: [{ ...program, variables: { "main.a": "b" } }] }, "linux-x64")],
        ["a shell script", cacheKey({ ...unit, shellScripts: { a: "b" } }, "linux-x64")],
    ];
    for (const [what, other] of others) {
        it(`changes with ${what}`, () => assert.notEqual(other, key));
    }

    it("is the same in every clone", () => assert.equal(cacheKey(structuredClone(unit), "linux-x64"), key));

    it("differs between all units", () => {
        const keys = units().map((each) => cacheKey(each));
        assert.equal(new Set(keys).size, keys.length);
    });
});

describe("the units", () => {
    it("tell kube-apiserver the version that go.mod pins", () => {
        const apiserver = units()
            .flatMap((unit) => unit.programs)
            .find(({ name }) => name === "kube-apiserver");
        assert.ok(apiserver);
        const flags = buildArguments(apiserver, "/out").join(" ");
        assert.match(flags, /version\.gitVersion=v1\.35\.4 .*version\.gitMajor=1 .*version\.gitMinor=35/);
        assert.match(flags, /-o \/out\/kube-apiserver k8s\.io\/kubernetes\/cmd\/kube-apiserver$/);
    });

    it("say which module lacks a requirement", () => {
        assert.throws(
            () => pinnedVersion("scripts/toolchain/pulumi", "example.com/none"),
            /pulumi\/go\.mod .* example\.com\/none/,
        );
    });
});

describe("a lock", () => {
    let folder: string;
    let lock: string;
    const nobodyWaits = (): void => assert.fail("waited for a lock that nobody holds");

    beforeEach(() => {
        folder = mkdtempSync(path.join(tmpdir(), "wukong-lock-"));
        lock = path.join(folder, "lock");
    });
    afterEach(() => rmSync(folder, { recursive: true, force: true }));

    it("lets one work at a time, and the next when that is done", async () => {
        const events: string[] = [];
        const signals = new EventEmitter();
        const waiting = once(signals, "waiting");
        const begun = once(signals, "begun");
        const first = withLock(lock, nobodyWaits, async () => {
            signals.emit("begun");
            await waiting;
            events.push("first ends");
        });
        await begun;
        await withLock(
            lock,
            () => signals.emit("waiting"),
            () => Promise.resolve(events.push("second begins")),
        );
        await first;
        assert.deepEqual(events, ["first ends", "second begins"]);
    });

    it("is gone after the work, also when that fails", async () => {
        await assert.rejects(
            withLock(lock, nobodyWaits, () => Promise.reject(new Error("no compiler"))),
            /no compiler/,
        );
        assert.deepEqual(readdirSync(folder), []);
    });

    it("is taken over from a holder that is silent", async () => {
        mkdirSync(lock);
        let waited = 0;
        const result = await withLock(
            lock,
            () => waited++,
            () => Promise.resolve("done"),
            1,
        );
        assert.equal(result, "done");
        assert.equal(waited, 1);
    });
});
