import * as pulumi from "@pulumi/pulumi";
import { DEFAULT_NODE_PORTS, parseNodePortRange, type NodePortRange } from "../core/service/ports";

/**
 * The cluster's range of NodePorts: `wukong:nodePortRange` of the stack's configuration, which says what the API server was
 * started with (`--service-node-port-range`), as it cannot be asked.
 * @throws pulumi.RunError where the configuration is no range
 */
export function nodePortRange(): NodePortRange {
    const config = new pulumi.Config("wukong").get("nodePortRange");
    const range = config === undefined ? DEFAULT_NODE_PORTS : parseNodePortRange(config);
    if (!range) {
        throw new pulumi.RunError(
            `Stack configuration wukong:nodePortRange "${config ?? ""}" is refused: a range is two ports from 1 to 65535, ` +
                `the lower first; write it as ${DEFAULT_NODE_PORTS.join("-")}.`,
        );
    }
    return range;
}
