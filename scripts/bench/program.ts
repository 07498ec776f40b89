import { Cluster, IPPool, Network, VirtualMachine, type IPConfigArgs, type NetworkInterfaceArgs } from "../../index";

/** What a run of the program is to make, as the environment hands it over. */
export interface BenchmarkStack {
    readonly namespace: string;
    /** Names of further NICs, beside the pod NIC, by VM. */
    readonly virtualMachines: Readonly<Record<string, readonly string[]>>;
    /** Give the further NICs addresses, each of a pool of its own. */
    readonly addresses?: boolean;
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
    const network = new Network("lan", { type: "bridge", namespace, ...cluster });
    for (const [name, nics] of Object.entries(stack.virtualMachines)) {
        const further = nics.map((nic, index): NetworkInterfaceArgs => {
            const nicOf = (ipConfig: IPConfigArgs): NetworkInterfaceArgs => ({
                name: nic,
                type: "bridge",
                network,
                ipConfig,
            });
            if (stack.addresses !== true) {
                return nicOf({ mode: "dhcp" });
            }
            // A guest has one NIC in a subnet.
            const cidr = `10.10.${index}.0/24`;
            const gateway = `10.10.${index}.1`;
            return nicOf({ mode: "static", ipPool: new IPPool(`${namespace}-${nic}`, { cidr, gateway, ...cluster }) });
        });
        new VirtualMachine(name, {
            namespace,
            cpu: 1,
            memory: "4Gi",
            // Room for all NICs; how many a VM has is KubeVirt's rule and not what is measured.
            annotations: { "embedded.vm.novasphere.dev/hotplug-ports": "24" },
            networks: [{ name: "eth0", type: "pod" }, ...further],
            ...cluster,
        });
    }
}
