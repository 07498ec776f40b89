import { IPPool, VirtualMachine } from "../../index";

/** A program with a resource of every noun that acts on the running cluster. */
export function everyNoun(): void {
    const pool = new IPPool("lan-pool", { cidr: "10.0.0.0/24" });
    new VirtualMachine("web", {
        ...{ cpu: 1, memory: "1Gi" },
        networks: [
            { name: "eth0", type: "pod", serviceExposure: { ports: [{ port: 80 }] } },
            { name: "eth1", type: "bridge", ipConfig: { mode: "static", ipPool: pool } },
        ],
    });
}
