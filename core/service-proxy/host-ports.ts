/** Ports of a node, as closed intervals. */
export type PortRanges = readonly (readonly [first: number, last: number])[];

/**
 * The ports that `vm.novasphere.dev/host-ports` may take where the administrator says nothing: whoever may write a Service
 * would otherwise get the traffic of what runs on the nodes. Left out are the privileged ports, etcd's, the API server's,
 * those of kubelet and the control plane (https://kubernetes.io/docs/reference/networking/ports-and-protocols/), and
 * NodePorts, which the API server gives out.
 */
export const DEFAULT_HOST_PORTS = "1024-2378,2381-6442,6444-10247,10260-29999,32768-65535";

/** Reads `80,443,8000-8999`; undefined where it is none such. */
export function parsePortRanges(text: string): PortRanges | undefined {
    const ranges = text
        .split(",")
        .filter((each) => each.trim() !== "")
        .map((each) => {
            const [, first = "", last = first] = /^\s*(\d{1,5})(?:-(\d{1,5}))?\s*$/.exec(each) ?? [];
            return [Number(first), Number(last)] as const;
        });
    return ranges.every(([first, last]) => first >= 1 && first <= last && last <= 65_535) ? ranges : undefined;
}

export function isInRanges(port: number, ranges: PortRanges): boolean {
    return ranges.some(([first, last]) => first <= port && port <= last);
}
