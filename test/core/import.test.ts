import assert from "node:assert/strict";
import { runInNewContext } from "node:vm";
import * as fc from "fast-check";
import ts from "typescript";
import { importMachine, type ImportableVm, type ImportContext, type ImportedMachine } from "../../core/import/machine";
import { programOf } from "../../core/import/program";

const MAC = "02:00:00:00:00:01";

function machine(
    lists: { networks?: object[]; interfaces?: object[] },
    { spec = {}, template = {}, ...context }: { spec?: object; template?: object } & Partial<ImportContext> = {},
): ImportedMachine {
    const { networks, interfaces } = lists;
    const vm = {
        metadata: { name: "web", namespace: "prod" },
        spec: {
            runStrategy: "Always",
            ...spec,
            template: { spec: { domain: { devices: { interfaces } }, networks, ...template } },
        },
    };
    return importMachine(vm as ImportableVm, { nads: { "prod/lan": "bridge" }, ...context });
}

/** A NIC in both lists. */
function nic(entry: object, network: object): { networks: object[]; interfaces: object[] } {
    return {
        networks: [{ name: "eth1", ...network }],
        interfaces: [{ name: "eth1", macAddress: MAC, ...entry }],
    };
}

const LAN = { multus: { networkName: "lan" } };

describe("an imported VM", () => {
    // bindings of kubevirt.io/v1 Interface, and what components of this package can declare
    const KINDS: [string, object, object, string | RegExp][] = [
        ["masquerade on the pod network", { masquerade: {} }, { pod: {} }, "pod"],
        ["bridge on a network of Multus", { bridge: {} }, LAN, "bridge"],
        ["sriov on a network of Multus", { sriov: {} }, LAN, "sriov"],
        ["bridge on the pod network", { bridge: {} }, { pod: {} }, /only masquerade/],
        ["a binding plugin", { binding: { name: "passt" } }, LAN, /only the bindings bridge and sriov/],
        [
            "the pod's default network by Multus",
            { bridge: {} },
            { multus: { ...LAN.multus, default: true } },
            /default/,
        ],
        ["a device of a claim", { sriov: {} }, { resourceClaim: {} }, /neither/],
        ["one that is being unplugged", { bridge: {}, state: "absent" }, LAN, /being unplugged/],
    ];
    for (const [what, entry, network, expected] of KINDS) {
        it(`has a NIC for ${what}, or says why not`, () => {
            const { networks, besides } = machine(nic(entry, network));
            if (typeof expected === "string") {
                assert.deepEqual(
                    networks.map(({ type }) => type),
                    [expected],
                );
            } else {
                assert.deepEqual(networks, []);
                assert.match(besides.join("\n"), expected);
            }
        });
    }

    it("has a NIC's type from the CNI configuration of its network", () => {
        const types = ["bridge", "macvlan", "ovs", undefined].map(
            (cni) => machine(nic({ bridge: {} }, LAN), { nads: { "prod/lan": cni } }).networks[0]?.type,
        );
        assert.deepEqual(types, ["bridge", "macvlan", "ovs", "bridge"]);
    });

    it("needs each NIC's network to be there, and its MAC address to be its own", () => {
        const { obstacles } = machine(
            {
                networks: [{ name: "eth1", multus: { networkName: "other/gone" } }],
                interfaces: [{ name: "eth1", bridge: {} }],
            },
            { interfaces: [{ name: "eth1", mac: "02-00-00-00-00-0A" }] },
        );
        assert.equal(obstacles.length, 2);
        assert.match(obstacles[0] ?? "", /kubectl patch vm web -n prod .*"value":"02:00:00:00:00:0a"/);
        assert.match(obstacles[1] ?? "", /other\/gone/);
    });

    it("has the NIC on the pod network as its primary one, wherever that is listed", () => {
        const pod = { name: "pod", masquerade: {}, macAddress: "02:00:00:00:00:02" };
        const lan = { name: "lan", bridge: {}, macAddress: MAC };
        const networks = [
            { name: "lan", ...LAN },
            { name: "pod", pod: {} },
        ];
        const primaries = (interfaces: object[]): unknown[] =>
            machine({ networks, interfaces }).networks.map(({ name, primary }) => [name, primary]);
        assert.deepEqual(primaries([lan, pod]), [["lan", undefined], ["pod", true]]); // prettier-ignore
        assert.deepEqual(primaries([pod, lan]), [["pod", undefined], ["lan", undefined]]); // prettier-ignore
    });

    for (const [spec, runStrategy] of [
        [{ runStrategy: "Manual" }, "Manual"],
        [{ runStrategy: undefined, running: true }, "Always"],
        [{ runStrategy: undefined, running: false }, "Halted"],
    ] as const) {
        it(`has the run strategy of ${JSON.stringify(spec)}`, () => {
            assert.equal(machine({}, { spec }).runStrategy, runStrategy);
        });
    }

    it("keeps the template but for the NICs, and names what no program has", () => {
        const { template, besides } = machine(nic({ bridge: {}, bootOrder: 1 }, LAN), {
            spec: { instancetype: { name: "u1.small" } },
            template: { hostname: "old", volumes: [{ name: "seed", cloudInitNoCloud: { userDataBase64: "" } }] },
        });
        assert.deepEqual(template, {
            spec: {
                domain: { devices: {} },
                hostname: "old",
                volumes: [{ name: "seed", cloudInitNoCloud: { userDataBase64: "" } }],
            },
        });
        for (const said of [/keeps bootOrder/, /spec\.instancetype/, /Volume seed/]) {
            assert.match(besides.join("\n"), said);
        }
    });

    it("of another stack, or of a pool of VMs, cannot be taken over", () => {
        const vm = { metadata: { name: "web", ownerReferences: [{ kind: "VirtualMachinePool", name: "webs" }] } };
        const { obstacles } = importMachine(vm, { nads: {}, manager: "organization/other/dev" });
        assert.match(obstacles.join("\n"), /organization\/other\/dev[^]*VirtualMachinePool webs/);
    });
});

describe("the program of an imported VM", () => {
    /** What a program declares, when it is run. */
    function declaredBy(text: string): { name: unknown; args: unknown } {
        const { outputText, diagnostics } = ts.transpileModule(text, {
            compilerOptions: { module: ts.ModuleKind.CommonJS },
            reportDiagnostics: true,
        });
        assert.deepEqual(diagnostics, []);
        let declared: { name: unknown; args: unknown } | undefined;
        const VirtualMachine = function (name: unknown, args: unknown): void {
            declared = { name, args };
        };
        runInNewContext(outputText, { exports: {}, require: () => ({ VirtualMachine }) });
        assert.ok(declared);
        return JSON.parse(JSON.stringify(declared)) as typeof declared;
    }

    it("declares what was read, whatever the texts in it", () => {
        const text = fc.string({ unit: "binary" });
        const json = fc.jsonValue({ maxDepth: 4 }).filter((value) => !JSON.stringify(value).includes("__proto__"));
        fc.assert(
            fc.property(text, json, fc.array(text), (sentence, value, addresses) => {
                const template = { spec: { value, sentence } };
                const imported = {
                    ...machine(nic({ bridge: {} }, LAN)),
                    template,
                    reported: { eth1: addresses },
                    besides: [sentence],
                };
                const { name, args } = declaredBy(programOf(imported));
                assert.equal(name, "web");
                assert.deepEqual(args, {
                    adopt: true,
                    namespace: "prod",
                    vmName: "web",
                    runStrategy: "Always",
                    template: JSON.parse(JSON.stringify(template)),
                    networks: [{ name: "eth1", type: "bridge", nadName: "prod/lan", macAddress: MAC }],
                });
            }),
        );
    });

    for (const [vmName, variable, rest] of [
        ["web-vm", "web", '"web", {'],
        ["db-2", "db2", '"db-2", {'],
        ["2nd", "vm2nd", '"2nd", {'],
        ["delete", "vmDelete", '"delete", {'],
        ["a.b-c", "aBC", '"a.b-c", {'],
    ]) {
        it(`calls ${vmName} ${variable}`, () => {
            const text = programOf({ ...machine({}), vmName: vmName ?? "" });
            assert.ok(text.includes(`const ${variable} = new VirtualMachine(${rest}\n`), text);
            assert.equal(text.includes("vmName:"), vmName !== "web-vm");
            assert.doesNotThrow(() => declaredBy(text));
        });
    }
});
