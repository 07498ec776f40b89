import assert from "node:assert/strict";
import { VirtualMachine, type NetworkInterfaceArgs } from "../../index";
import { deploy, find, namesOf, refusalOf, virtualMachine, type Deployment } from "./deploy";

const POD = { name: "eth0", type: "pod" } as const;
const LAN = { name: "eth1", type: "bridge", nadName: "net/lan" } as const;

async function services(...networks: NetworkInterfaceArgs[]): Promise<Deployment<VirtualMachine>> {
    return deploy(() => virtualMachine({ networks }));
}

async function refusal(...networks: NetworkInterfaceArgs[]): Promise<string> {
    const { error, registered } = await refusalOf(() => virtualMachine({ networks }));
    assert.deepEqual(namesOf(registered, "Service"), []);
    return error.message;
}

describe("the exposures of a VM's NICs", () => {
    it("have Services of their own, whose names another NIC's exposure does not change", async () => {
        const ofLan: NetworkInterfaceArgs = { ...LAN, serviceExposure: { type: "NodePort", ports: [{ port: 22 }] } };
        const both = await services({ ...POD, serviceExposure: { ports: [{ port: 80 }] } }, ofLan);
        assert.deepEqual(namesOf(both.registered, "Service"), ["web-vm-service", "web-vm-eth1-nodeport"]);
        assert.deepEqual(namesOf((await services(POD, ofLan)).registered, "Service"), ["web-vm-eth1-nodeport"]);
        assert.deepEqual(namesOf((await services(ofLan)).registered, "Service"), ["web-vm-nodeport"]);
        assert.deepEqual(Object.keys(both.value.services), ["eth0", "eth1"]);
    });

    it("lead to the network of the NIC", async () => {
        const { registered } = await services(
            { ...POD, serviceExposure: { ports: [{ port: 80 }] } },
            { ...LAN, serviceExposure: { ports: [{ port: 80 }] } },
        );
        const pod = find(registered, "Service", "web-vm-service").inputs;
        assert.deepEqual(pod.spec.selector, { "kubevirt.io/vm": "web-vm" });
        assert.equal(pod.metadata.annotations["vm.novasphere.dev/network"], undefined);
        const lan = find(registered, "Service", "web-vm-eth1-service").inputs;
        assert.equal(lan.spec.selector, undefined);
        assert.equal(lan.metadata.annotations["vm.novasphere.dev/network"], "net/lan");
        assert.equal(lan.metadata.annotations["vm.novasphere.dev/vm-selector"], "kubevirt.io/vm=web-vm");
    });

    it("are gone where enabled is false, and mapped ports stay", async () => {
        const { registered } = await services({
            ...POD,
            serviceExposure: { enabled: false, type: "NodePort", ports: [{ port: 80 }] },
            portMappings: [{ containerPort: 22, hostPort: 30022 }],
        });
        assert.deepEqual(namesOf(registered, "Service"), ["web-vm-nodeport"]);
        const { spec } = find(registered, "Service", "web-vm-nodeport").inputs;
        assert.deepEqual(spec.ports, [{ name: "tcp-22", protocol: "TCP", port: 22, targetPort: 22, nodePort: 30022 }]);
    });

    it("take further VMs by a selector", async () => {
        const selector = { tier: "web" };
        const networks: NetworkInterfaceArgs[] = [{ ...POD, serviceExposure: { selector, ports: [{ port: 80 }] } }];
        const { registered } = await deploy(() => virtualMachine({ networks, labels: { tier: "web", zone: "1" } }));
        assert.deepEqual(find(registered, "Service", "web-vm-service").inputs.spec.selector, selector);
        assert.deepEqual(namesOf(registered, "ServiceEndpoints"), ["web-vm-service-endpoints"]);
    });
});

describe("the port mappings of a NIC", () => {
    it("are NodePorts within 30000 to 32767, in one Service with a NodePort exposure of the NIC", async () => {
        const { registered } = await services({
            ...POD,
            serviceExposure: { type: "NodePort", ports: [{ port: 80 }] },
            portMappings: [
                { containerPort: 53, hostPort: 30000, protocol: "UDP" },
                { containerPort: 22, hostPort: 32767 },
            ],
        });
        assert.deepEqual(namesOf(registered, "Service"), ["web-vm-nodeport"]);
        assert.deepEqual(find(registered, "Service", "web-vm-nodeport").inputs.spec.ports, [
            { name: "tcp-80", protocol: "TCP", port: 80, targetPort: 80 },
            { name: "udp-53", protocol: "UDP", port: 53, targetPort: 53, nodePort: 30000 },
            { name: "tcp-22", protocol: "TCP", port: 22, targetPort: 22, nodePort: 32767 },
        ]);
    });

    it("are the node agent's outside of that range", async () => {
        const { registered, value } = await services(POD, {
            ...LAN,
            portMappings: [
                { containerPort: 22, hostPort: 29999 },
                { containerPort: 80, hostPort: 30080 },
                { containerPort: 81, hostPort: 32768 },
            ],
        });
        const names = ["web-vm-eth1-nodeport", "web-vm-eth1-hostport"];
        assert.deepEqual(namesOf(registered, "Service"), names);
        assert.deepEqual(Object.keys(value.services), ["eth1-nodeport", "eth1-hostport"]);
        const { metadata, spec } = find(registered, "Service", "web-vm-eth1-hostport").inputs;
        assert.equal(metadata.annotations["vm.novasphere.dev/host-ports"], "tcp-22=29999,tcp-81=32768");
        assert.equal(spec.type, "ClusterIP");
    });

    it("outside of that range are refused on the pod network, unless the node agent is its dataplane", async () => {
        const mapping = { containerPort: 22, hostPort: 2222 };
        assert.match(
            await refusal({ ...POD, portMappings: [mapping] }),
            /NIC "eth0" of VM "web-vm": portMappings 2222 is refused: kube-proxy .*30000-32767.*dataplane: "wukong"/,
        );
        const { registered } = await services({ ...POD, portMappings: [{ ...mapping, dataplane: "wukong" }] });
        const { metadata, spec } = find(registered, "Service", "web-vm-hostport").inputs;
        assert.equal(metadata.labels["service.kubernetes.io/service-proxy-name"], "wukong");
        assert.deepEqual(spec.selector, { "kubevirt.io/vm": "web-vm" });
    });

    it("are NodePorts within the range that the stack's configuration says", async () => {
        const networks: NetworkInterfaceArgs[] = [{ ...POD, portMappings: [{ containerPort: 22, hostPort: 2222 }] }];
        const config = { "wukong:nodePortRange": "2000-2767" };
        const { registered } = await deploy(() => virtualMachine({ networks }), { config });
        const { spec } = find(registered, "Service", "web-vm-nodeport").inputs;
        assert.equal(spec.ports[0].nodePort, 2222);
        const beyond: NetworkInterfaceArgs[] = [
            { ...POD, serviceExposure: { type: "NodePort", ports: [{ port: 22, nodePort: 30022 }] } },
        ];
        await assert.rejects(
            deploy(() => virtualMachine({ networks: beyond }), { config }),
            /nodePort 30022 is refused: the cluster's NodePorts are 2000-2767/,
        );
        await assert.rejects(
            deploy(() => virtualMachine({ networks }), { config: { "wukong:nodePortRange": "2767-2000" } }),
            /wukong:nodePortRange "2767-2000" is refused: .*write it as 30000-32767/,
        );
    });

    it("have one dataplane where they are ports of one Service", async () => {
        const text = await refusal({
            ...POD,
            portMappings: [
                { containerPort: 22, hostPort: 30022 },
                { containerPort: 80, hostPort: 30080, dataplane: "wukong" },
            ],
        });
        assert.match(text, /NIC "eth0" .*portMappings .*one dataplane/);
    });
});

describe("an exposure that leads nowhere", () => {
    it("is refused with its NIC and field", async () => {
        const text = await refusal({ ...POD, serviceExposure: { ports: [{ port: 80, nodePort: 30080 }] } });
        assert.match(text, /NIC "eth0" of VM "web-vm": serviceExposure\.ports\[0\]\.nodePort 30080 is refused/);
    });

    it("is refused where the VM has not the labels of the selector", async () => {
        const serviceExposure = { selector: { tier: "web" }, ports: [{ port: 80 }] };
        const text = await refusal({ ...POD, serviceExposure });
        assert.match(text, /serviceExposure\.selector "tier=web" is refused: .*this one has not/);
    });

    it("is refused where its Service's name would be none, with a way to give it another", async () => {
        const networks: NetworkInterfaceArgs[] = [{ ...POD, serviceExposure: { ports: [{ port: 80 }] } }];
        const { error } = await refusalOf(() => virtualMachine({ networks, vmName: "1st" }));
        assert.match(error.message, /serviceName "1st-service" is refused: .*begins with a letter/);
        const { error: long } = await refusalOf(() => virtualMachine({ networks, vmName: `w${"e".repeat(55)}` }));
        assert.match(long.message, /at most 63 characters/);
    });

    it("is refused where the template of the VM has no label that a Service could find it by", async () => {
        const { error } = await refusalOf(
            () =>
                new VirtualMachine("web", {
                    template: { spec: {} },
                    networks: [{ ...POD, serviceExposure: { ports: [{ port: 80 }] } }],
                }),
        );
        assert.match(error.message, /serviceExposure\.selector is refused: .*kubevirt\.io\/vm: web-vm/);
    });

    it("is refused where the NIC's cable is out", async () => {
        const exposed = { ...LAN, linkState: "down" as const, serviceExposure: { ports: [{ port: 80 }] } };
        assert.match(
            await refusal(exposed),
            /NIC "eth1" of VM "web-vm": linkState "down" is refused: the NIC is exposed/,
        );
    });
});
