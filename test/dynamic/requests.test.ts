import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { macFor } from "../../core/mac";
import type { NetworkInterfaceInputs } from "../../dynamic/network-interface/inputs";
import { check as checkNic } from "../../dynamic/network-interface/provider";
import type { PowerStateInputs } from "../../dynamic/power-state/inputs";
import { check as checkPower } from "../../dynamic/power-state/provider";

const KUBEVIRT = "/apis/kubevirt.io/v1";
const SHOP = "/namespaces/shop";
const MULTUS = "/apis/k8s.cni.cncf.io/v1";

/** VMs of the namespace `shop`, and their NICs. */
const VMS = { web: ["eth0", "eth1"], db: ["eth0", "eth1"] };

function vmObject(name: string, nics: readonly string[]): object {
    const interfaces = nics.map((nic) => ({ name: nic, bridge: {}, model: "virtio", macAddress: macOf(name, nic) }));
    const networks = nics.map((nic) => ({ name: nic, multus: { networkName: "shop/lan" } }));
    return {
        metadata: { name, namespace: "shop", uid: `uid-of-${name}` },
        spec: { runStrategy: "Halted", template: { spec: { networks, domain: { devices: { interfaces } } } } },
    };
}

const macOf = (vm: string, nic: string): string => macFor("shop", vm, nic);

describe("what checks ask of the API server", () => {
    let server: Server | undefined;
    let asked: string[];
    let objects: Map<string, object>;
    let nads: string[];
    let connection: { kubeconfig: string };

    beforeEach(async () => {
        asked = [];
        nads = ["lan"];
        objects = new Map(Object.entries(VMS).map(([name, nics]) => [name, vmObject(name, nics)]));
        const answers: Record<string, () => unknown> = {
            [KUBEVIRT]: () => ({ resources: ["virtualmachines", "virtualmachineinstances"].map((name) => ({ name })) }),
            [MULTUS]: () => ({ resources: [{ name: "network-attachment-definitions" }] }),
            "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews": () => ({ status: { allowed: true } }),
            [`${KUBEVIRT}${SHOP}/virtualmachines`]: () => ({ metadata: {}, items: [...objects.values()] }),
            [`${KUBEVIRT}${SHOP}/virtualmachineinstances`]: () => ({ metadata: {}, items: [] }),
            [`${MULTUS}${SHOP}/network-attachment-definitions`]: () => ({
                metadata: {},
                items: nads.map((name) => ({ metadata: { name, namespace: "shop" } })),
            }),
            "/apis/kubevirt.io/v1/kubevirts": () => ({ metadata: {}, items: [] }),
        };
        const listening = createServer((request, response) => {
            const path = (request.url ?? "").split("?")[0]!;
            const answer = answers[path]?.() ?? objects.get(path.replace(`${KUBEVIRT}${SHOP}/virtualmachines/`, ""));
            if (request.method === "GET" && path !== KUBEVIRT && path !== MULTUS) {
                asked.push(
                    path
                        .split("/")
                        .slice(path.includes(SHOP) ? 6 : 4)
                        .join("/"),
                );
            }
            response.writeHead(answer === undefined ? 404 : 200, { "content-type": "application/json" });
            response.end(JSON.stringify(answer ?? { kind: "Status", reason: "NotFound", code: 404 }));
        });
        await new Promise<void>((resolve) => listening.listen(0, "127.0.0.1", resolve));
        server = listening;
        const { port } = listening.address() as AddressInfo;
        connection = {
            kubeconfig: JSON.stringify({
                clusters: [
                    { name: "c", cluster: { server: `http://127.0.0.1:${port}`, "insecure-skip-tls-verify": true } },
                ],
                users: [{ name: "u", user: {} }],
                contexts: [{ name: "c", context: { cluster: "c", user: "u" } }],
                "current-context": "c",
            }),
        };
    });

    afterEach(async () => {
        server?.closeAllConnections();
        await new Promise((resolve) => (server ? server.close(resolve) : resolve(undefined)));
    });

    function nicOf(vm: string, nic: string): NetworkInterfaceInputs {
        return {
            ...{ connection, namespace: "shop", vm, vmUid: `uid-of-${vm}`, nic, siblings: ["eth0", "eth1"] },
            ...{ type: "bridge", nadName: "shop/lan", primary: nic === "eth0", macAddress: macOf(vm, nic) },
            ...{ model: "virtio", linkState: "up", addresses: [], timeoutSeconds: 300 },
        };
    }

    function powerOf(vm: string): PowerStateInputs {
        const networks = Object.fromEntries(
            ["eth0", "eth1"].map((nic) => {
                const { type, primary, macAddress = "", model, linkState, addresses } = nicOf(vm, nic);
                return [nic, { type, primary, macAddress, nadName: "shop/lan", model, linkState, addresses }];
            }),
        );
        return {
            ...{ connection, namespace: "shop", vm, vmUid: `uid-of-${vm}`, manager: "acme/shop/dev" },
            ...{ runStrategy: "Halted", networks, timeoutSeconds: 300 },
        };
    }

    async function checked(olds: object, news: object, check: typeof checkNic = checkNic): Promise<void> {
        const { failures } = await check(olds, news);
        assert.deepEqual(failures, []);
    }

    /** Checks all NICs and VMs, as a run of the engine does where nothing changes. */
    async function checkAll(more: object): Promise<void> {
        for (const [vm, nics] of Object.entries(VMS)) {
            for (const nic of nics) {
                await checked(nicOf(vm, nic), { ...nicOf(vm, nic), ...more });
            }
            await checked(powerOf(vm), { ...powerOf(vm), ...more }, checkPower);
        }
    }

    for (const [run, more] of [
        ["a preview", { preview: true }],
        ["an update", {}],
    ] as const) {
        it(`is a list of each kind, once, in ${run} that changes nothing`, async () => {
            await checkAll(more);
            const lists = ["virtualmachines", "virtualmachineinstances", "network-attachment-definitions"];
            // The reservations of the stack, and KubeVirt's own configuration.
            const others = ["ipreservations", "kubevirts"];
            assert.deepEqual(asked.toSorted(), [...lists, ...others].toSorted());
        });
    }

    it("is nothing more in a preview that adds a NIC", async () => {
        await checkAll({ preview: true });
        asked = [];
        await checked({}, { ...nicOf("web", "eth2"), preview: true });
        assert.deepEqual(asked, []);
    });

    it("is the VM itself, once, where an update has just made it", async () => {
        await checkAll({});
        asked = [];
        objects.set("new", vmObject("new", []));
        await checked({}, nicOf("new", "eth0"));
        await checked({}, nicOf("new", "eth1"));
        await checked({}, powerOf("new"), checkPower);
        assert.deepEqual(asked, ["virtualmachines/new", "virtualmachineinstances/new"]);
    });

    it("is the VM as it is now, where an update finds that it has lost a NIC", async () => {
        await checkAll({});
        objects.set("web", vmObject("web", ["eth0"]));
        const { inputs } = (await checkNic(nicOf("web", "eth1"), { ...nicOf("web", "eth1"), linkState: "down" })) as {
            inputs: NetworkInterfaceInputs;
        };
        assert.equal(inputs.lost, true);
    });

    it("is the networks anew, where one is not among them that the update may have made", async () => {
        nads = [];
        await checkNic({}, nicOf("web", "eth0"));
        nads = ["lan"];
        asked = [];
        await checked(nicOf("web", "eth0"), nicOf("web", "eth0"));
        await checked(nicOf("web", "eth1"), nicOf("web", "eth1"));
        assert.deepEqual(
            asked.filter((what) => what.startsWith("network-attachment-definitions")),
            ["network-attachment-definitions"],
        );
    });
});
