import * as pulumi from "@pulumi/pulumi";
import { IPPool, Network, VirtualMachine, type NetworkInterfaceArgs } from "pulumi-wukong";

// The bridge "br0" on every node, with the uplink of this subnet in it.
const lan = new Network("lan", { type: "bridge", bridge: "br0" });
const addresses = new IPPool("lan-addresses", {
    cidr: "10.10.0.0/24",
    ranges: ["10.10.0.100-10.10.0.199"],
    gateway: "10.10.0.1",
});

const nics: NetworkInterfaceArgs[] = [
    { name: "eth0", type: "pod", serviceExposure: { type: "NodePort", ports: [{ port: 80, targetPort: 8080 }] } },
    { name: "eth1", type: "bridge", network: lan, ipConfig: { mode: "static", ipPool: addresses } },
];
// `pulumi config set storageNic true`, then `pulumi up`: a third NIC, while the VM runs.
if (new pulumi.Config().getBoolean("storageNic")) {
    nics.push({ name: "eth2", type: "bridge", network: lan });
}

const web = new VirtualMachine("web", {
    cpu: 1,
    memory: "1Gi",
    volumes: [{ name: "root", containerDisk: { image: "quay.io/containerdisks/fedora:latest" } }],
    networks: nics,
});

export const networks = web.networks;
export const nodePort = web.services.eth0.service.spec.ports[0].nodePort;
export const endpoints = web.services.eth0.endpoints?.ready;
