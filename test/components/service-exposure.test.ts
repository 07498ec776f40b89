import assert from "node:assert/strict";
import { ServiceExposure, type ServiceExposureArgs } from "../../index";
import { deploy, find, namesOf, refusalOf, virtualMachine } from "./deploy";

const PORTS = [{ port: 80 }];

describe("ServiceExposure", () => {
    it("finds the pods of the VM by kubevirt.io/vm, in the VM's namespace", async () => {
        const { registered } = await deploy(
            () => new ServiceExposure("front", { virtualMachine: virtualMachine({ namespace: "shop" }), ports: PORTS }),
        );
        const { inputs } = find(registered, "Service", "front-service");
        assert.equal(inputs.metadata.namespace, "shop");
        assert.deepEqual(inputs.spec, {
            type: "ClusterIP",
            selector: { "kubevirt.io/vm": "web-vm" },
            ports: [{ protocol: "TCP", port: 80, targetPort: 80 }],
        });
    });

    it("hands on ports, node ports and session affinity", async () => {
        const port = { name: "dns", protocol: "UDP", port: 53, targetPort: 5353, nodePort: 30053 } as const;
        const { registered } = await deploy(
            () =>
                new ServiceExposure("front", {
                    ...{
                        virtualMachine: virtualMachine(),
                        type: "NodePort",
                        ports: [port],
                        sessionAffinity: "ClientIP",
                    },
                }),
        );
        const { spec } = find(registered, "Service", "front-nodeport").inputs;
        assert.deepEqual(spec.ports, [port]);
        assert.equal(spec.sessionAffinity, "ClientIP");
    });

    it("waits for a ready endpoint once the Service is there and the VM is on", async () => {
        const { registered } = await deploy(
            () => new ServiceExposure("front", { virtualMachine: virtualMachine(), ports: PORTS }),
        );
        const { inputs, dependencies } = find(registered, "ServiceEndpoints", "front-service-endpoints");
        assert.deepEqual(dependencies, ["front-service", "web-vm-power"]);
        assert.deepEqual([inputs.expected, inputs.timeoutSeconds], [true, 300]);
    });

    it("waits for nothing where the VM is left off", async () => {
        const { registered } = await deploy(
            () =>
                new ServiceExposure("front", {
                    virtualMachine: virtualMachine({ runStrategy: "Halted" }),
                    ports: PORTS,
                }),
        );
        assert.equal(find(registered, "ServiceEndpoints", "front-service-endpoints").inputs.expected, false);
    });

    it("takes the pods of several VMs by a selector, and waits for none of them", async () => {
        const { registered, value } = await deploy(
            () => new ServiceExposure("front", { selector: { tier: "front" }, namespace: "shop", ports: PORTS }),
        );
        assert.deepEqual(find(registered, "Service", "front-service").inputs.spec.selector, { tier: "front" });
        assert.deepEqual(namesOf(registered, "ServiceEndpoints"), []);
        assert.equal(value.endpoints, undefined);
    });

    for (const [what, args, expected] of [
        ["no target", { ports: PORTS }, /virtualMachine .*refused: a Service has one target/],
        ["no port", { selector: { a: "b" }, ports: [] }, /ports .*at least one port/],
        ["a port beyond 65535", { selector: { a: "b" }, ports: [{ port: 65536 }] }, /ports\[0\]\.port .*65536.*65535/],
        ["two ports without names", { selector: { a: "b" }, ports: [{ port: 1 }, { port: 2 }] }, /ports\[0\]\.name/],
        [
            "a node port of a ClusterIP Service",
            { selector: { a: "b" }, ports: [{ port: 80, nodePort: 30080 }] },
            /ports\[0\]\.nodePort .*30080.*NodePort/,
        ],
    ] as [string, ServiceExposureArgs, RegExp][]) {
        it(`refuses ${what} before it makes anything`, async () => {
            const { error, registered } = await refusalOf(() => new ServiceExposure("front", args));
            assert.match(error.message, /^ServiceExposure front /);
            assert.match(error.message, expected);
            assert.deepEqual(namesOf(registered, "Service"), []);
        });
    }
});
