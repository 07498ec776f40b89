import assert from "node:assert/strict";
import * as k8s from "@kubernetes/client-node";
import fc from "fast-check";
import { before, describe, it } from "mocha";
import { clientFor, type ClusterClient } from "../../cluster/client";
import { impactFacts } from "../../cluster/impact-facts";
import { awaitsMigration, requestMigration } from "../../cluster/migration";
import { readVm } from "../../cluster/virtual-machine";
import { probeProblems, runStrategyProblems } from "../../core/admission";
import { classifyChange, type ImpactFacts } from "../../core/impact";
import { bindingOf, type NicDeclaration, NIC_TYPES, type NicType, resolveNics, validateNics } from "../../core/nic";
import { errorsOf } from "../../core/problem";
import { attachNics, markAbsent } from "../../core/vm-networks";
import { testKubeconfig, useNamespace } from "../support/embedded-cluster";
import { type AdmissionRule, admissionRules, beyondPrograms, refusedInDryRun } from "./admission-rules";
import { Machines } from "./virtual-machines";
import { machineManifest, podNic } from "./vm-objects";

const pod: NicDeclaration = { name: "default", type: "pod" };
const red: NicDeclaration = { name: "red", type: "bridge", nadName: "red" };
const fast: NicDeclaration = { name: "fast", type: "sriov", nadName: "vf" };

interface Manifest {
    readonly spec: {
        runStrategy: string;
        readonly template: {
            readonly spec: {
                readonly domain: { devices: object };
                networks: object;
                readinessProbe?: object;
            };
        };
    };
}

/** The VM that is written of a declaration where nobody checks it. */
function unchecked(nics: readonly NicDeclaration[]): Manifest {
    const manifest = machineManifest("unchecked", [], { runStrategy: "Halted" }) as Manifest;
    const { spec } = manifest.spec.template;
    spec.domain.devices = {
        interfaces: nics.map(({ name, type, model, macAddress, linkState }) => ({
            name,
            [bindingOf(type)]: {},
            ...(model !== undefined && { model }),
            ...(macAddress !== undefined && { macAddress }),
            ...(linkState !== undefined && linkState !== "up" && { state: linkState }),
        })),
    };
    spec.networks = nics.map(({ name, type, nadName }) => ({
        name,
        ...(type === "pod" && nadName === undefined
            ? { pod: {} }
            : { multus: { networkName: nadName ?? "of-its-own" } }),
    }));
    return manifest;
}

const NICS: readonly {
    readonly rules: readonly AdmissionRule[];
    readonly bad: readonly NicDeclaration[];
    /** As like the bad one as can be. */
    readonly good: readonly NicDeclaration[];
}[] = [
    { rules: ["pod networks"], bad: [pod, { name: "red", type: "pod" }], good: [pod, red] },
    { rules: ["network name"], bad: [pod, { ...red, nadName: "" }], good: [pod, { ...red, nadName: "other/red" }] },
    {
        rules: ["state"],
        bad: [pod, { ...red, linkState: "sideways" as "up" }],
        good: [pod, { ...red, linkState: "down" }],
    },
    {
        rules: ["state of SR-IOV"],
        bad: [pod, { ...fast, name: "red", linkState: "down" }],
        good: [pod, { ...fast, linkState: "up" }],
    },
    { rules: ["masquerade network"], bad: [{ ...pod, nadName: "red" }], good: [pod] },
    {
        rules: ["masquerade MAC"],
        bad: [{ ...pod, macAddress: "02:00:00:00:00:00" }],
        good: [{ ...pod, macAddress: "02:00:00:00:00:01" }],
    },
    {
        rules: ["unique network", "unique interface"],
        bad: [pod, red, { ...red, nadName: "blue" }],
        good: [pod, red, { ...red, name: "blue" }],
    },
    { rules: ["interface name"], bad: [pod, { ...red, name: "red.1" }], good: [pod, { ...red, name: "red-1" }] },
    { rules: ["model"], bad: [pod, { ...red, model: "rtl" }], good: [pod, { ...red, model: "rtl8139" }] },
    {
        rules: ["malformed MAC"],
        bad: [pod, { ...red, macAddress: "zz:00" }],
        good: [pod, { ...red, macAddress: "0200.0000.000A" }],
    },
    {
        rules: ["long MAC"],
        bad: [pod, { ...red, macAddress: "02:00:00:00:00:00:00:01" }],
        good: [pod, { ...red, macAddress: "02-00-00-00-00-0A" }],
    },
];

/** NICs that KubeVirt does not unplug: a program that removes one gets another change, or none. */
const ABSENT: readonly { readonly rules: readonly AdmissionRule[]; readonly nic: NicDeclaration }[] = [
    { rules: ["absent binding", "absent default"], nic: pod },
    { rules: ["absent binding"], nic: fast },
];

/** The tests below each table have these rules in their names. */
const BESIDE_TABLES: readonly AdmissionRule[] = [
    "probe",
    "run strategy",
    "immobile VM",
    "migration in flight",
    "migration of the ended",
];

/** One of the good values mostly, or a bad one. */
function mostly<T>(good: readonly T[], bad: readonly T[]): fc.Arbitrary<T> {
    return fc.oneof(
        { arbitrary: fc.constantFrom(...good), weight: 7 },
        { arbitrary: fc.constantFrom(...bad), weight: 1 },
    );
}

/** Declarations of which many are good, and many are wrong in one thing or more. */
const anyDeclaration: fc.Arbitrary<NicDeclaration[]> = fc.array(
    fc.record(
        {
            name: mostly(["default", "red", "blue", "x".repeat(63)], ["Red_1", "red.1", "r d"]),
            type: mostly<NicType>(NIC_TYPES, ["vlan" as NicType]),
            nadName: mostly(["red", "other/red"], ["", "other/"]),
            macAddress: mostly(["02:00:00:00:00:0a", "02-00-00-00-00-0b"], ["02:00:00:00:00:00", "02:00", "zz"]),
            model: mostly(["virtio", "e1000e", "igb"], ["rtl"]),
            linkState: mostly<"up" | "down">(["up", "down"], ["absent" as "up"]),
        },
        { requiredKeys: ["name", "type"] },
    ),
    { minLength: 1, maxLength: 2 },
);

describe("a check of ours and KubeVirt's admission", function () {
    this.timeout(60_000);
    const namespace = useNamespace("agreement");
    const machines = new Machines(namespace);
    let client: ClusterClient;

    before(async () => {
        client = clientFor({ kubeconfig: await testKubeconfig() });
    });

    /** What KubeVirt refuses a new VM with; undefined where it takes it. Nothing is written. */
    async function refusal(body: object): Promise<string | undefined> {
        const place = { group: "kubevirt.io", version: "v1", namespace: namespace.name, plural: "virtualmachines" };
        try {
            await namespace.clients.custom.createNamespacedCustomObject({ ...place, body, dryRun: "All" });
            return undefined;
        } catch (error) {
            assert.ok(error instanceof k8s.ApiException, String(error));
            return (JSON.parse(error.body as string) as { message: string }).message;
        }
    }

    function assertSays(text: string | undefined, rules: readonly AdmissionRule[]): void {
        for (const rule of rules) {
            assert.ok(text?.includes(admissionRules[rule]), `${rule}: ${text}`);
        }
    }

    const isRefused = (nics: readonly NicDeclaration[]): boolean => errorsOf(validateNics("web", nics)).length > 0;

    it("speak of the same rules: each has a test here, comes from the dry run, or cannot be broken", () => {
        const tested = [...NICS, ...ABSENT].flatMap(({ rules }) => rules);
        const accounted = [...tested, ...BESIDE_TABLES, ...refusedInDryRun.rules, ...Object.keys(beyondPrograms)];
        assert.deepEqual([...new Set(accounted)].sort(), Object.keys(admissionRules).sort());
    });

    for (const { rules, bad, good } of NICS) {
        it(`agree on NICs: ${rules.join(", ")}`, async () => {
            assertSays(await refusal(unchecked(bad)), rules);
            assert.ok(isRefused(bad), "our check refuses it as well");
            assert.equal(await refusal(unchecked(good)), undefined);
            assert.deepEqual(errorsOf(validateNics("web", good)), []);
        });
    }

    it("agree in that ours lets nothing through that KubeVirt refuses", async () => {
        const samples = fc.sample(anyDeclaration, { seed: 1, numRuns: 100 });
        const refusals = await Promise.all(samples.map((nics) => refusal(unchecked(nics))));
        const missed = samples.filter((nics, index) => refusals[index] !== undefined && !isRefused(nics));
        assert.deepEqual(missed, []);
        const taken = samples.filter((nics) => !isRefused(nics)).length;
        assert.ok(
            taken >= 10 && refusals.filter(Boolean).length >= 10,
            `${taken} of ${samples.length} are let through`,
        );
    });

    for (const { rules, nic } of ABSENT) {
        it(`agree on NICs that are not unplugged: ${rules.join(", ")} of ${nic.type}`, async () => {
            const nics = nic === pod ? [pod, red] : [pod, red, nic];
            const absent = (name: string): Manifest =>
                unchecked(nics.map((each) => (each.name === name ? { ...each, linkState: "absent" as "up" } : each)));
            assertSays(await refusal(absent(nic.name)), rules);
            assert.equal(await refusal(absent("red")), undefined);

            const specs = resolveNics(namespace.name, "web", nics);
            const { lists } = attachNics({ networks: [], interfaces: [] }, specs, { namespace: namespace.name });
            const running: ImpactFacts = { vm: "running", isPrimary: false, dynamicNetworksController: true };
            const judged = (name: string): [string | undefined, string] => {
                const spec = specs.find((each) => each.name === name)!;
                const { conflicts } = markAbsent(lists, [spec]);
                return [conflicts[0]?.reason, classifyChange({ kind: "detach", nic: spec }, running).impact];
            };
            assert.deepEqual(judged(nic.name), ["not-detachable", "restart"]);
            assert.deepEqual(judged("red"), [undefined, "live"]);
        });
    }

    it("agree on templates: probe", async () => {
        const probe = { tcpSocket: { port: 80 } };
        const vm = (nics: readonly NicDeclaration[]): Manifest => {
            const manifest = unchecked(nics);
            manifest.spec.template.spec.readinessProbe = probe;
            return manifest;
        };
        assertSays(await refusal(vm([red])), ["probe"]);
        assert.equal(probeProblems("web", { readinessProbe: probe }, [red]).length, 1);
        assert.equal(await refusal(vm([pod, red])), undefined);
        assert.deepEqual(probeProblems("web", { readinessProbe: probe }, [pod, red]), []);
    });

    it("agree on VMs: run strategy", async () => {
        const vm = (runStrategy: string): Manifest => {
            const manifest = unchecked([pod]);
            manifest.spec.runStrategy = runStrategy;
            return manifest;
        };
        assertSays(await refusal(vm("Sometimes")), ["run strategy"]);
        assert.equal(runStrategyProblems("web", "Sometimes").length, 1);
        for (const runStrategy of ["Always", "RerunOnFailure", "Once", "Manual", "Halted"]) {
            assert.equal(await refusal(vm(runStrategy)), undefined, runStrategy);
            assert.deepEqual(runStrategyProblems("web", runStrategy), []);
        }
    });

    it("agree on migrations: immobile VM", async () => {
        await machines.run("fixed", [podNic], { modes: { "live-migratable": "false" } });
        await assert.rejects(machines.migrate("fixed"), (error) => {
            assertSays(String(error), ["immobile VM"]);
            return true;
        });
        const facts = await impactFacts(client, await readVm(client, namespace.name, "fixed"));
        const [nic] = resolveNics(namespace.name, "fixed", [fast]);
        const wanted = { ...facts, isPrimary: false, requestsMigration: true };
        assert.equal(classifyChange({ kind: "attach", nic: nic! }, wanted).impact, "restart");
    });

    it("agree on migrations: migration in flight, which serves whoever asks for another", async () => {
        // Pinned to its node, the VM has nowhere to go, so its migration does not end.
        await machines.run("pinned", [podNic], { nodeSelector: { "kubernetes.io/hostname": "node-1" } });
        const first = await machines.migrate("pinned");
        await assert.rejects(machines.migrate("pinned"), (error) => {
            assertSays(String(error), ["migration in flight"]);
            return true;
        });
        await requestMigration(client, { namespace: namespace.name, name: "pinned" });
        assert.deepEqual(
            (await machines.migrations("pinned")).map(({ name }) => name),
            [first],
        );
    });

    it("agree on migrations: migration of the ended, which none asks for", () => {
        const vmi = (phase: string): object => ({
            metadata: { name: "web" },
            status: { phase, conditions: [{ type: "MigrationRequired", status: "True" }] },
        });
        const awaits = (phase: string): boolean =>
            awaitsMigration({ vm: undefined, vmi: vmi(phase) } as Parameters<typeof awaitsMigration>[0]);
        assert.deepEqual([awaits("Running"), awaits("Succeeded"), awaits("Failed")], [true, false, false]);
    });
});
