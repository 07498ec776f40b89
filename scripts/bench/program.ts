import { randomUUID } from "node:crypto";
import * as kubernetes from "@pulumi/kubernetes";
import {
    Cluster,
    IPPool,
    IPReservation,
    Network,
    VirtualMachine,
    type IPConfigArgs,
    type NetworkInterfaceArgs,
} from "../../index";
import { plainVirtualMachines, ROOM } from "./plain";

/** What a run of the program is to make, as the environment hands it over. */
export interface BenchmarkStack {
    readonly namespace: string;
    /** Names of further NICs, beside the pod NIC, by VM. */
    readonly virtualMachines: Readonly<Record<string, readonly string[]>>;
    /** Give the further NICs addresses: those of a name, in all VMs, of a pool of their own. */
    readonly addresses?: boolean;
    /** Make the VMs of the kubernetes provider's own resources. */
    readonly plain?: boolean;
    /** Addresses of a pool that the cluster has. */
    readonly reservations?: { readonly pool: string; readonly count: number };
    /** Objects as those addresses have, of the kubernetes provider. */
    readonly customResources?: { readonly space: string; readonly count: number };
    /** Hand over the contents of a kubeconfig, and not leave it to the environment. */
    readonly kubeconfig?: string;
}

/** The variable of the environment that holds a BenchmarkStack. */
export const VARIABLE = "WUKONG_BENCHMARK_STACK";

/** The VMs of a benchmark; called by the program that the Pulumi CLI runs. */
export function benchmarkProgram(): void {
    const stack = JSON.parse(process.env[VARIABLE] ?? "") as BenchmarkStack;
    const { namespace } = stack;
    const cluster =
        stack.kubeconfig === undefined ? {} : { cluster: new Cluster("c", { kubeconfig: stack.kubeconfig }) };
    reserve(stack);
    if (Object.keys(stack.virtualMachines).length === 0) {
        return;
    }
    if (stack.plain === true) {
        plainVirtualMachines(namespace, stack.virtualMachines);
        return;
    }
    const network = new Network("lan", { type: "bridge", namespace, ...cluster });
    const pools = new Map<string, IPPool>();
    const poolOf = (nic: string, index: number): IPPool => {
        // A guest has one NIC in a subnet.
        const block = { cidr: `10.10.${index}.0/24`, gateway: `10.10.${index}.1` };
        const pool = pools.get(nic) ?? new IPPool(`${namespace}-${nic}`, { ...block, ...cluster });
        pools.set(nic, pool);
        return pool;
    };
    for (const [name, nics] of Object.entries(stack.virtualMachines)) {
        const further = nics.map((nic, index): NetworkInterfaceArgs => {
            const nicOf = (ipConfig: IPConfigArgs): NetworkInterfaceArgs => ({
                name: nic,
                type: "bridge",
                network,
                ipConfig,
            });
            return nicOf(stack.addresses ? { mode: "static", ipPool: poolOf(nic, index) } : { mode: "dhcp" });
        });
        new VirtualMachine(name, {
            namespace,
            cpu: 1,
            memory: "4Gi",
            annotations: ROOM,
            networks: [{ name: "eth0", type: "pod" }, ...further],
            ...cluster,
        });
    }
}

function reserve({ reservations, customResources }: BenchmarkStack): void {
    for (let index = 0; index < (reservations?.count ?? 0); index += 1) {
        new IPReservation(`reservation-${index}`, { pool: reservations?.pool ?? "" });
    }
    for (let index = 0; index < (customResources?.count ?? 0); index += 1) {
        const space = customResources?.space ?? "";
        const address = `10.0.${index >> 8}.${index & 255}`;
        // The labels are as long as those of a reservation.
        const labels = Object.fromEntries(
            ["owner", "manager"].map((label) => [`vm.novasphere.dev/${label}`, "a".repeat(40)]),
        );
        new kubernetes.apiextensions.CustomResource(`reservation-${index}`, {
            apiVersion: "vm.novasphere.dev/v1alpha1",
            kind: "IPReservation",
            metadata: { name: `${space}.v4-${address}`, labels: { "vm.novasphere.dev/space": space, ...labels } },
            spec: {
                address,
                family: "IPv4",
                space,
                pool: space,
                state: "Active",
                origin: "Auto",
                allocationId: randomUUID(),
                allocatedAt: "2026-11-21T00:00:00Z",
                owner: { key: `owner:reservation-${index}`, manager: "organization/benchmark/dev" },
            },
        });
    }
}
