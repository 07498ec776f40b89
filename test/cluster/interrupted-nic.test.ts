import * as assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { afterEach, before, describe, it } from "mocha";
import { clientFor } from "../../cluster/client";
import { readVm } from "../../cluster/virtual-machine";
import type { NetworkInterfaceInputs, NetworkInterfaceState } from "../../dynamic/network-interface/inputs";
import { check, create, diff, update } from "../../dynamic/network-interface/provider";
import type { PlannedNic, PowerStateInputs } from "../../dynamic/power-state/inputs";
import { findLeftovers } from "../../dynamic/power-state/leftovers";
import { testKubeconfig, useNamespace } from "../support/embedded-cluster";
import { Machines } from "./virtual-machines";
import { podNic, status } from "./vm-objects";

const MAC = "02:00:00:00:00:0a";
const OTHER_MAC = "02:00:00:00:00:0b";
const MANAGER = "organization/shop/dev";

describe("a NIC whose update was interrupted, so that the state does not say how the VM has it", function () {
    this.timeout(60_000);
    const namespace = useNamespace("interrupted");
    const machines = new Machines(namespace);
    let kubeconfig: string;
    let machine: string;

    before(async () => {
        kubeconfig = readFileSync(await testKubeconfig(), "utf8");
        await machines.network("red");
        await machines.network("blue");
    });

    afterEach("make the MAC addresses free", async () => machines.delete(machine));

    /** A running VM, and the NIC as a program declares it. */
    async function running(vm: string): Promise<(change?: Partial<NetworkInterfaceInputs>) => NetworkInterfaceInputs> {
        machine = vm;
        await machines.run(vm, [podNic]);
        const vmUid = (await machines.vm(vm)).metadata?.uid ?? "";
        // A comment of its own makes it another connection, with a client that knows nothing of what others saw.
        const connection = { kubeconfig: `# ${randomUUID()}\n${kubeconfig}` };
        return (change = {}) => ({
            ...{ connection, namespace: namespace.name, vm, vmUid, nic: "eth1", siblings: ["eth1"], type: "bridge" },
            ...{ nadName: `${namespace.name}/red`, primary: false, macAddress: MAC, model: "virtio", linkState: "up" },
            ...{ addresses: [], timeoutSeconds: 30 },
            ...change,
        });
    }

    async function planned(news: NetworkInterfaceInputs, olds: object = {}): Promise<NetworkInterfaceInputs> {
        const { inputs, failures } = await check(olds, news);
        assert.deepEqual(failures, []);
        return inputs as NetworkInterfaceInputs;
    }

    /** As it is stored, and as the next check gets it. */
    const made = async (inputs: NetworkInterfaceInputs): Promise<NetworkInterfaceState> =>
        (await create(await planned(inputs))).outs;

    async function seenNic(vm: string): Promise<(string | undefined)[]> {
        const { networks, domain } = (await machines.vmi(vm)).spec;
        const entry = domain.devices.interfaces?.find(({ name }) => name === "eth1");
        const found = status(await machines.vmi(vm), "eth1");
        assert.ok(found?.infoSource?.includes("domain"), "the guest has it");
        const network = networks?.find(({ name }) => name === "eth1")?.multus?.networkName;
        return [network?.split("/")[1], entry?.macAddress, found?.linkState];
    }

    it("gets its link back where the program is as before", async () => {
        const nic = await running("link");
        const state = await made(nic());
        await update("", state, await planned(nic({ linkState: "down" }), state));
        assert.deepEqual(await seenNic("link"), ["red", MAC, "down"]);

        const plan = await planned(nic(), state);
        assert.deepEqual([plan.impact, (await diff("", state, plan)).changes], ["live", true]);
        const { outs } = await update("", state, plan);
        assert.deepEqual(await seenNic("link"), ["red", MAC, "up"]);
        const again = await planned(nic(), outs);
        assert.equal((await diff("", outs, again)).changes, false);
    });

    it("keeps the link that somebody else has switched since", async () => {
        const nic = await running("switched");
        const state = await made(nic());
        await machines.setState("switched", "eth1", "down");
        assert.equal((await diff("", state, await planned(nic(), state))).changes, false);
    });

    for (const [what, change, expected] of [
        ["another network", { nadName: "blue" }, ["blue", MAC, "up"]],
        ["another MAC address", { macAddress: OTHER_MAC }, ["red", OTHER_MAC, "up"]],
    ] as const) {
        it(`is attached anew for ${what}, where the state does not have it at all`, async () => {
            const vm = what.replaceAll(" ", "-").toLowerCase();
            const nic = await running(vm);
            await made(nic());
            const { uid } = (await machines.vmi(vm)).metadata ?? {};
            const news = nic({ ...change, ...("nadName" in change && { nadName: `${namespace.name}/blue` }) });
            const plan = await planned(news);
            assert.equal(plan.impact, "live");
            await create(plan);
            assert.deepEqual(await seenNic(vm), expected);
            assert.equal((await machines.vmi(vm)).metadata?.uid, uid);
        });
    }

    it("is attached anew where the state has it as taken off, to be replaced", async () => {
        const nic = await running("replaced");
        const state = await made(nic({ macAddress: OTHER_MAC }));
        // The engine checks twice what it replaces: as it was, and as if it were new.
        await planned(nic(), { ...state, macAddress: "02:00:00:00:00:0c" });
        await create(await planned(nic()));
        assert.deepEqual(await seenNic("replaced"), ["red", MAC, "up"]);
    });

    it("is refused where somebody else has put another of its name there", async () => {
        const nic = await running("theirs");
        await machines.plug("theirs", { name: "eth1", nad: "blue", macAddress: OTHER_MAC });
        await machines.attached("theirs", "eth1");
        const { failures } = await check({}, nic());
        assert.match(failures?.[0]?.reason ?? "", /the VM has a NIC of that name with network ".*\/blue"/);
    });

    it("is left over where it took the place of the one that the engine deletes", async () => {
        const nic = await running("left");
        await made(nic({ macAddress: OTHER_MAC }));
        const annotation = { op: "add", path: "/metadata/annotations/vm.novasphere.dev~1managed-by", value: MANAGER };
        await machines.patch("left", [annotation]);
        const { connection } = nic();
        const client = clientFor(connection);
        const power = { connection, namespace: namespace.name, vm: "left", manager: MANAGER, networks: {} };
        const ofState: PlannedNic = {
            ...{ type: "bridge", primary: false, model: "virtio", linkState: "up", addresses: [] },
            ...{ nadName: `${namespace.name}/red`, macAddress: MAC },
        };
        const namesLeft = async (macAddress: string): Promise<string[]> => {
            const view = await readVm(client, namespace.name, "left");
            const networks = { eth1: { ...ofState, macAddress } };
            const { nics } = await findLeftovers(client, power as unknown as PowerStateInputs, networks, view);
            return nics.map(({ name }) => name);
        };
        assert.deepEqual(await namesLeft(MAC), ["eth1"]);
        assert.deepEqual(await namesLeft(OTHER_MAC), []);
    });
});
