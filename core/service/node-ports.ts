import type { Problem } from "../problem";
import type { Exposure } from "./exposure";
import { expandPorts } from "./ports";

/**
 * The API server refuses a NodePort outside of the range, but not in the dry run of a preview, nor does it tell the range.
 * Any of the range it may give to another Service at any time.
 */
export function nodePortProblems({ ports, nodePortRange: [first, last] }: Exposure): Problem[] {
    const isInRange = (port: number): boolean => port >= first && port <= last;
    const range = `${String(first)}-${String(last)}`;
    return ports.flatMap((spec, index) => {
        const at = `ports[${String(index)}]`;
        const expanded = expandPorts([spec]).ports;
        const outside = expanded.flatMap(({ nodePort = first }) => (isInRange(nodePort) ? [] : [nodePort]));
        const inside = expanded.flatMap(({ hostPort = 0 }) => (isInRange(hostPort) ? [hostPort] : []));
        return [
            ...outside.slice(0, 1).map((value) => ({
                field: `${at}.nodePort`,
                value,
                rule: `the cluster's NodePorts are ${range} (--service-node-port-range of its API server)`,
                remedy:
                    "choose one of these, or say what range the cluster has: " +
                    "pulumi config set wukong:nodePortRange <first>-<last>",
            })),
            ...inside.slice(0, 1).map((value) => ({
                field: `${at}.hostPort`,
                value,
                rule: `${range} are the cluster's NodePorts, which its API server gives to any Service`,
                remedy: "ask for it as nodePort, with type NodePort, or choose a port outside of these",
            })),
        ];
    });
}
