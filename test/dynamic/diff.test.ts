import assert from "node:assert/strict";
import type { IPReservationState } from "../../dynamic/ip-reservation/inputs";
import { diff as diffReservation } from "../../dynamic/ip-reservation/provider";
import { diff as diffGuard } from "../../dynamic/network-guard/provider";
import type { NetworkInterfaceState } from "../../dynamic/network-interface/inputs";
import { diff as diffNic } from "../../dynamic/network-interface/provider";
import type { PlannedNic, PowerStateState } from "../../dynamic/power-state/inputs";
import { diff as diffPower } from "../../dynamic/power-state/provider";
import { diff as diffEndpoints } from "../../dynamic/service-endpoints/provider";

/** What the engine sends for a value that is not known yet (sdk/nodejs/runtime/rpc.ts, unknownValue). */
const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

const NIC: NetworkInterfaceState = {
    ...{ connection: {}, namespace: "shop", vm: "web-vm", vmUid: "uid-1", nic: "eth1", type: "bridge" },
    ...{ nadName: "shop/lan", primary: false, macAddress: "02:00:00:00:00:07", model: "virtio", linkState: "up" },
    ...{ addresses: ["10.0.0.7/24"], timeoutSeconds: 300, phase: "attached", message: "", interfaceName: "eth1" },
    observedAddresses: [],
    observedLinkState: "up",
};

const ADDRESS: IPReservationState = {
    ...{ connection: {}, pool: "lan", space: "lan", owner: "shop/web-vm/eth1", manager: "acme/shop/dev" },
    ...{ macAddress: "02:00:00:00:00:07", address: "10.0.0.7", cidr: "10.0.0.7/24", prefixLength: 24 },
    ...{ gateway: "10.0.0.1", dnsServers: [], searchDomains: [], allocationId: "id-1", allocatedAt: "2026-11-21" },
};

const PLANNED: PlannedNic = {
    ...{ type: "bridge", primary: true, macAddress: "02:00:00:00:00:07", nadName: "shop/lan", model: "virtio" },
    ...{ linkState: "up", addresses: [] },
};

const POWER: PowerStateState = {
    ...{ connection: {}, namespace: "shop", vm: "web-vm", vmUid: "uid-1", manager: "acme/shop/dev" },
    ...{ runStrategy: "Always", networks: { eth1: PLANNED }, timeoutSeconds: 300 },
    ...{ status: "Running", restartRequired: false },
};

const GUARD = { connection: {}, nadName: "shop/lan" };
const ENDPOINTS = { connection: {}, namespace: "shop", service: "web", expected: true, timeoutSeconds: 300, ready: [] };

type Diff = (id: string, olds: never, news: never) => Promise<{ changes: boolean; replaces: string[] }>;

/** The verdict on a change of fields: "none", "update", or what replaces. */
async function verdict(diff: unknown, state: object, change: object): Promise<string> {
    const { changes, replaces } = await (diff as Diff)("id", state as never, { ...state, ...change } as never);
    assert.ok(changes || replaces.length === 0);
    return replaces.length > 0 ? `replace: ${replaces.join()}` : changes ? "update" : "none";
}

const TABLE: [string, unknown, object, [what: string, change: object, verdict: string][]][] = [
    [
        "a NIC",
        diffNic,
        NIC,
        [
            ["another link state", { linkState: "down" }, "update"],
            ["another address", { addresses: ["10.0.0.8/24"] }, "update"],
            ["another MAC address", { macAddress: "02:00:00:00:00:08" }, "replace: macAddress"],
            ["another network", { nadName: "shop/storage" }, "replace: nadName"],
            ["another model", { model: "e1000" }, "replace: model"],
            ["a VM that was replaced", { vmUid: "uid-2" }, "replace: vmUid"],
            ["a VM that is being replaced, in a preview", { vmUid: UNKNOWN }, "replace: vmUid"],
            ["a preview, in which the uid of a VM may be missing", { vmUid: undefined }, "none"],
            ["a MAC address that is not known yet", { macAddress: UNKNOWN }, "replace: macAddress"],
            ["addresses that are not known yet", { addresses: [UNKNOWN] }, "update"],
            ["another deadline", { timeoutSeconds: 60 }, "update"],
            ["another verdict on what it cost", { impact: "live", reason: "x" }, "none"],
        ],
    ],
    [
        "a reservation",
        diffReservation,
        ADDRESS,
        [
            ["another pool", { pool: "storage" }, "replace: pool"],
            [
                "the same pool, now as the program declares it",
                { pool: { name: "lan", space: "lan", blocks: [] } },
                "none",
            ],
            ["another space", { space: "storage" }, "replace: space"],
            ["another family", { family: "IPv6" }, "replace: family"],
            ["an address that is to be kept", { retain: true }, "update"],
            ["another owner", { owner: "shop/db-vm/eth1" }, "replace: owner"],
            ["a stack that got another name", { manager: "acme/shop/prod" }, "update"],
            ["its address, now asked for", { requested: "10.0.0.7/24" }, "none"],
            ["another address that is asked for", { requested: "10.0.0.8", address: "10.0.0.8" }, "replace: requested"],
            ["another plan, where the address was chosen", { address: "10.0.0.8" }, "none"],
            ["another MAC address", { macAddress: "02:00:00:00:00:08" }, "update"],
            ["another gateway of the pool", { gateway: "10.0.0.254" }, "update"],
            ["DNS servers of the pool", { dnsServers: ["10.0.0.2"] }, "update"],
            ["a pool that is not known yet", { pool: UNKNOWN }, "replace: pool"],
        ],
    ],
    [
        "a VM's run state",
        diffPower,
        POWER,
        [
            ["another run strategy", { runStrategy: "Halted" }, "update"],
            ["a VM that was replaced", { vmUid: "uid-2" }, "replace: vmUid"],
            ["a preview, in which the uid of a VM may be missing", { vmUid: undefined }, "none"],
            ["another VM", { vm: "db-vm" }, "replace: vm"],
            ["a NIC more", { networks: { eth1: PLANNED, eth2: PLANNED } }, "update"],
            ["a NIC less", { networks: {} }, "update"],
            ["a NIC that costs something else now", { networks: { eth1: { ...PLANNED, impact: "live" } } }, "none"],
            ["NICs that are not known yet", { networks: { eth1: { ...PLANNED, macAddress: UNKNOWN } } }, "update"],
            ["another deadline", { timeoutSeconds: 60 }, "update"],
        ],
    ],
    ["a guard", diffGuard, GUARD, [["another network", { nadName: "shop/storage" }, "replace: nadName"]]],
    [
        "a Service's endpoints",
        diffEndpoints,
        ENDPOINTS,
        [
            ["another Service", { service: "db" }, "replace: service"],
            ["VMs that are on now", { expected: false }, "update"],
            ["another deadline", { timeoutSeconds: 60 }, "update"],
        ],
    ],
];

describe("what a change of the inputs asks for", () => {
    for (const [noun, diff, state, rows] of TABLE) {
        describe(`of ${noun}`, () => {
            it("is nothing for nothing", async () => {
                assert.equal(await verdict(diff, state, {}), "none");
            });
            it("is nothing for another text of the provider", async () => {
                assert.equal(await verdict(diff, state, { __provider: "exports.handler = 1" }), "none");
            });
            it("is an update for another way to the cluster, so that a later destroy takes it", async () => {
                assert.equal(await verdict(diff, state, { connection: { kubeconfig: "elsewhere" } }), "update");
            });
            for (const [what, change, expected] of rows) {
                it(`is ${expected} for ${what}`, async () => {
                    assert.equal(await verdict(diff, state, change), expected);
                });
            }
        });
    }

    it("takes the old NIC and run state away first, as the names are taken until then", async () => {
        const nic = await diffNic("id", NIC, { ...NIC, model: "e1000" });
        const power = await diffPower("id", POWER, { ...POWER, vm: "db-vm" });
        assert.deepEqual([nic.deleteBeforeReplace, power.deleteBeforeReplace], [true, true]);
    });
});
