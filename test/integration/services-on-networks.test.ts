import assert from "node:assert/strict";
import * as k8s from "@kubernetes/client-node";
import { Network, ServiceExposure, VirtualMachine, type NetworkInterfaceArgs } from "../../index";
import { assertSays, refusalOf } from "../support/refusal";
import { useStack } from "../support/use-stack";

describe("a Service of VMs on a secondary network", () => {
    const suite = useStack("network-services");
    const { namespace } = suite;
    const SERVICE = "web-vm-eth1-nodeport";

    function program(nic: Partial<NetworkInterfaceArgs>) {
        return async () => {
            const lan = new Network("lan", { type: "bridge", namespace: namespace.name });
            const web = new VirtualMachine("web", {
                ...{ namespace: namespace.name, cpu: 1, memory: "64Mi" },
                networks: [
                    { name: "eth0", type: "pod" },
                    { name: "eth1", type: "bridge", network: lan, ...nic },
                ],
            });
            return Promise.resolve({ endpoints: web.endpoints });
        };
    }

    const EXPOSED: Partial<NetworkInterfaceArgs> = {
        serviceExposure: { type: "NodePort", ports: [{ port: 22 }], readyTimeoutSeconds: 2 },
    };

    it("is made without a selector, for the node agent; without an endpoint controller the update says what lacks", async () => {
        const text = await refusalOf(suite.stack.up(program(EXPOSED)));
        assertSays(
            text,
            `Waited 2 s for a ready endpoint of Service ${namespace.name}/${SERVICE}`,
            "deploy a ServiceProxy",
        );
        const { metadata, spec } = await namespace.clients.core.readNamespacedService({
            ...{ namespace: namespace.name, name: SERVICE },
        });
        assert.equal(metadata?.labels?.["service.kubernetes.io/service-proxy-name"], "wukong");
        assert.equal(metadata.annotations?.["vm.novasphere.dev/network"], `${namespace.name}/lan`);
        assert.equal(metadata.annotations["vm.novasphere.dev/vm-selector"], "kubevirt.io/vm=web-vm");
        assert.equal(spec?.selector, undefined);
        assert.ok((spec?.ports?.[0]?.nodePort ?? 0) >= 30_000, "the API server has chosen a NodePort");
    });

    it("has traffic once the endpoint controller has found its VM, and not by anybody else's endpoints", async () => {
        const slices = namespace.clients.config.makeApiClient(k8s.DiscoveryV1Api);
        const slice = (managedBy: string, address: string): k8s.V1EndpointSlice => ({
            metadata: {
                name: `${SERVICE}-by-hand`,
                labels: {
                    "kubernetes.io/service-name": SERVICE,
                    "endpointslice.kubernetes.io/managed-by": managedBy,
                },
            },
            addressType: "IPv4",
            endpoints: [{ addresses: [address] }],
            ports: [{ name: "", protocol: "TCP", port: 22 }],
        });
        const where = { namespace: namespace.name };
        await slices.createNamespacedEndpointSlice({ ...where, body: slice("somebody-else", "10.0.0.1") });
        await refusalOf(suite.stack.up(program(EXPOSED)));
        const name = `${SERVICE}-by-hand`;
        const body = slice("endpoints.vm.novasphere.dev", "10.0.0.2");
        await slices.replaceNamespacedEndpointSlice({ ...where, name, body });
        const { outputs } = await suite.stack.up(program(EXPOSED));
        assert.deepEqual(outputs.endpoints, { [SERVICE]: ["10.0.0.2:22"] });
        await slices.deleteNamespacedEndpointSlice({ ...where, name });
    });

    it("is refused at preview on a network that the VM has no NIC on", async () => {
        const elsewhere = async () => {
            const web = new VirtualMachine("web", {
                ...{ namespace: namespace.name, cpu: 1, memory: "64Mi" },
                networks: [{ name: "eth0", type: "pod" }],
            });
            const network = `${namespace.name}/lan`;
            new ServiceExposure("front", { virtualMachines: [web], network, ports: [{ port: 22 }] });
            return Promise.resolve();
        };
        const text = await refusalOf(suite.stack.preview(elsewhere));
        assertSays(text, 'ServiceExposure "front": network', `${namespace.name}/web-vm has no NIC on it`);
    });
});
