import assert from "node:assert/strict";
import { IPPool, Network, VirtualMachine, type NetworkInterfaceArgs } from "../../index";
import { wukongHere } from "../cli/wukong";
import {
    endpointsIn,
    type RunningController,
    slicesOf,
    startController,
    untilEndpoints,
} from "../proxy-cluster/vm-service";
import { testKubeconfig } from "../support/embedded-cluster";
import { useStack } from "../support/use-stack";

describe("a program with a Service on a secondary network, beside the endpoint controller", function () {
    this.timeout(120_000);
    const suite = useStack("network-endpoints");
    const { namespace } = suite;
    let controller: RunningController;

    before(async () => {
        controller = startController(await testKubeconfig(), { namespace: namespace.name });
    });
    after(async () => controller.stop());

    const SERVICE = "web-vm-eth1-nodeport";

    function program(...further: NetworkInterfaceArgs[]) {
        return async () => {
            const pool = new IPPool(`pool-${namespace.name}`, { cidr: "192.0.2.64/26" });
            const lan = new Network("lan", { type: "bridge", namespace: namespace.name });
            const web = new VirtualMachine("web", {
                ...{ namespace: namespace.name, cpu: 1, memory: "64Mi" },
                networks: [
                    { name: "eth0", type: "pod" },
                    ...further.map((nic) => ({
                        ...nic,
                        network: lan,
                        ipConfig: { mode: "static" as const, ipPool: pool, address: "192.0.2.77/26" },
                    })),
                ],
            });
            return Promise.resolve({ endpoints: web.endpoints });
        };
    }

    const exposed: NetworkInterfaceArgs = {
        ...{ name: "eth1", type: "bridge" },
        serviceExposure: { type: "NodePort", ports: [{ port: 80, targetPort: 8080 }] },
    };

    it("has, when it is done, endpoints at the address that is reserved for the NIC, with the pool's subnet", async () => {
        const { outputs } = await suite.stack.up(program(exposed));
        assert.deepEqual(outputs.endpoints, { [SERVICE]: ["192.0.2.77:8080"] });
        const slices = await slicesOf(namespace, SERVICE);
        assert.match(endpointsIn(slices).join(), /^web-vm 192\.0\.2\.77 node-\d ready\/serving$/);
        assert.equal(slices[0]?.metadata?.annotations?.["vm.novasphere.dev/subnets"], "192.0.2.64/26");
        const shown = await wukongHere(["service", "show", `${namespace.name}/${SERVICE}`, "-o", "json"]);
        assert.equal(shown.code, 0, shown.stderr);
        const { dataplane, endpoints, excluded } = JSON.parse(shown.stdout);
        assert.deepEqual(
            [dataplane, endpoints[0].addressFrom, endpoints[0].nic, excluded],
            ["wukong", "reservation", "eth1", []],
        );
    });

    it("plans nothing more, as the slices are nobody's but the controller's", async () => {
        const again = await suite.stack.preview(program(exposed));
        assert.deepEqual(
            again.steps.filter(({ op }) => op !== "same").map(({ op, name }) => `${op} ${name}`),
            [],
        );
    });

    it("leaves no slice once the exposure is gone with its NIC", async () => {
        await suite.stack.up(program());
        await untilEndpoints(namespace, SERVICE, "to have no slice", (_, slices) => slices.length === 0);
    });
});
