import * as pulumi from "@pulumi/pulumi";
import { IPPool, Network, VirtualMachine } from "pulumi-wukong";

const config = new pulumi.Config();

const lan = new Network("lan", { type: "bridge", bridge: "br0" });
const addresses = new IPPool("lan-addresses", {
    cidr: "10.10.0.0/24",
    ranges: ["10.10.0.100-10.10.0.199"],
    gateway: "10.10.0.1",
});

const web = new VirtualMachine("web", {
    cpu: 1,
    memory: "1Gi",
    volumes: [{ name: "root", containerDisk: { image: "quay.io/containerdisks/fedora:latest" } }],
    networks: [
        {
            name: "eth0",
            type: "pod",
            serviceExposure: { type: "NodePort", ports: [{ name: "http", port: 80, targetPort: 8080 }] },
        },
        { name: "eth1", type: "bridge", network: lan, ipConfig: { mode: "static", ipPool: addresses } },
        // `pulumi config set storageNic true`, then `pulumi up`: a third NIC, while the VM runs.
        ...(config.getBoolean("storageNic")
            ? [{ name: "eth2", type: "bridge" as const, network: lan, ipConfig: { mode: "dhcp" as const } }]
            : []),
    ],
});

export const networks = web.networks;
export const nodePort = web.services.eth0?.service.spec.ports[0].nodePort;
export const endpoints = web.services.eth0?.endpoints?.ready;
