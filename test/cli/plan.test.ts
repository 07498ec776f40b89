import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { parse } from "yaml";
import { type Call, cellsOf, wukongHere } from "./wukong";

const TYPE = "pulumi-nodejs:dynamic/wukong:PowerState";

/** A digest with one VM for each list of changes. */
function digest(machines: Record<string, object[]>, ...errors: string[]): string {
    const steps = Object.entries(machines).map(([vm, changes]) => {
        return { op: "update", urn: "urn", newState: { type: TYPE, inputs: { namespace: "prod", vm, changes } } };
    });
    return JSON.stringify({ steps, diagnostics: errors.map((message) => ({ message, severity: "error" })) });
}

const ATTACH = {
    action: "attach",
    nic: "eth1",
    network: "prod/lan",
    macAddress: "02:00:00:00:00:01",
    addresses: [],
    impact: "live",
    reason: "attached to the running VM",
};
const RESTART = { action: "restart", impact: "restart", reason: "once and last, for eth2" };

describe("wukong plan, with a recorded preview", () => {
    let folder: string;
    let searched: string | undefined;

    before(() => {
        folder = mkdtempSync(path.join(tmpdir(), "wukong-plan-"));
        searched = process.env["PATH"];
        process.env["PATH"] = [folder, searched].join(path.delimiter);
    });

    after(() => {
        process.env["PATH"] = searched ?? "";
        rmSync(folder, { recursive: true, force: true });
    });

    /** Runs the command with a `pulumi` that prints what it is told to, and writes down its arguments. */
    async function plan(
        recorded: { stdout?: string; stderr?: string; code?: number },
        ...args: string[]
    ): Promise<Call> {
        const { stdout = "", stderr = "", code = 0 } = recorded;
        writeFileSync(path.join(folder, "stdout"), stdout);
        writeFileSync(path.join(folder, "stderr"), stderr);
        const script = `#!/bin/sh
cd ${folder}
printf '%s\\n' "$@" > arguments
cat stdout
cat stderr >&2
exit ${String(code)}
`;
        writeFileSync(path.join(folder, "pulumi"), script);
        chmodSync(path.join(folder, "pulumi"), 0o755);
        return wukongHere(["plan", ...args]);
    }

    const argumentsGiven = (): string[] => readFileSync(path.join(folder, "arguments"), "utf8").trimEnd().split("\n");

    it("shows a table of changes, with network and reason below, and a summary", async () => {
        const stdout = digest({ web: [ATTACH, RESTART], db: [{ ...ATTACH, addresses: ["10.0.0.5/24"] }] });
        const call = await plan({ stdout }, "--max-impact", "restart");
        assert.equal(call.code, 0, call.stderr);
        const lines = cellsOf(call.stdout);
        assert.deepEqual(lines, [
            ["VM", "ACTION", "NIC", "IMPACT"],
            ["prod/db", "attach", "eth1", "live"],
            ["prod/lan, MAC 02:00:00:00:00:01, 10.0.0.5/24"],
            ["attached to the running VM"],
            ["prod/web", "attach", "eth1", "live"],
            ["prod/lan, MAC 02:00:00:00:00:01, DHCP"],
            ["attached to the running VM"],
            ["prod/web", "restart", "restart"],
            ["once and last, for eth2"],
            ["2 VMs: 1 live, 1 restart"],
        ]);
    });

    for (const [args, code] of [
        [[], 3],
        [["--max-impact", "restart"], 0],
        [["--max-impact", "boot"], 3],
        [["--max-impact", "refused"], 64],
        [["--timeout", "soon"], 64],
    ] as [string[], number][]) {
        it(`ends with ${String(code)} for a restart and ${args.join(" ") || "nothing else said"}`, async () => {
            assert.equal((await plan({ stdout: digest({ web: [RESTART] }) }, ...args)).code, code);
        });
    }

    it("hands what it does not know on to pulumi preview, word by word", async () => {
        await plan({ stdout: digest({}) }, "--stack", "dev", "--max-impact", "live", "-c", "a=$(b) c", "--refresh");
        const handed = ["--stack", "dev", "-c", "a=$(b) c", "--refresh"];
        assert.deepEqual(argumentsGiven(), ["preview", "--json", "--non-interactive", ...handed]);
    });

    it("prints one object for programs", async () => {
        const stdout = digest({ web: [ATTACH] });
        const expected = { vms: [{ vm: "prod/web", impact: "live", changes: [ATTACH] }], refusals: [] };
        for (const args of [["--json"], ["-o", "json"], ["-o", "yaml"]]) {
            assert.deepEqual(parse((await plan({ stdout }, ...args)).stdout), expected);
        }
    });

    it("ends with 1 where something is refused, which it says on standard error", async () => {
        const stdout = digest({}, `error: ${TYPE} resource 'x' has a problem: NIC "eth1": refused\u001b[31m.`);
        assert.deepEqual(await plan({ stdout, code: 255 }), {
            code: 1,
            stdout: "",
            stderr: 'NIC "eth1": refused\\u001b[31m.\n',
        });
    });

    it("ends with 1 and the words of pulumi where there is no preview", async () => {
        const call = await plan({ stderr: "error: no stack selected;\nplease use `pulumi stack select`\n", code: 255 });
        assert.deepEqual(call, {
            code: 1,
            stdout: "",
            stderr: "pulumi preview ended with 255: no stack selected; please use `pulumi stack select`\n",
        });
    });

    it("says how to install pulumi where there is none", async () => {
        const path = process.env["PATH"];
        process.env["PATH"] = "";
        try {
            const { code, stderr } = await wukongHere(["plan"]);
            assert.equal(code, 1);
            assert.match(stderr, /^There is no `pulumi` on the PATH\. Install/);
        } finally {
            process.env["PATH"] = path;
        }
    });

    it("gives up after --timeout, with what was said last", async () => {
        writeFileSync(path.join(folder, "pulumi"), "#!/bin/sh\necho 'waiting for a lock' >&2\nexec sleep 60\n");
        const { code, stderr } = await wukongHere(["plan", "--timeout", "1"]);
        assert.deepEqual(
            [code, stderr],
            [
                1,
                "pulumi preview was not done within 1 s; its last words were: waiting for a lock. Give it more with --timeout.\n",
            ],
        );
    });
});
