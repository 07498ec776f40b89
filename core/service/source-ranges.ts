import { parseSubnet } from "../ip";
import type { Problem } from "../problem";
import { needsNetworkPolicy, type Exposure } from "./exposure";

/** What to do about what only the node agent does. */
export const NEEDS_AGENT = 'set dataplane: "wukong" and deploy a ServiceProxy, or leave it out';

/** What is wrong with who may come, and limits that nothing would enforce. */
export function sourceRangeProblems(exposure: Exposure): Problem[] {
    const { sourceRanges = [], network, type, externalTrafficPolicy, ingress, dataplane, ports } = exposure;
    const isFromOutside = type !== "ClusterIP" || ports.some(({ hostPort }) => hostPort !== undefined);
    const problems: Problem[] = sourceRanges.flatMap((range, index) =>
        parseSubnet(range).ok
            ? []
            : [
                  {
                      field: `sourceRanges[${String(index)}]`,
                      value: range,
                      rule: "a source range is a subnet in CIDR notation",
                      remedy: "write it as 192.0.2.0/24, or 192.0.2.1/32 for one address",
                  },
              ],
    );
    if (sourceRanges.length > 0 && ingress) {
        problems.push({
            field: "sourceRanges",
            rule: "the VMs see the ingress controller as the client, not who is behind it",
            remedy: "set the controller's own annotation for it in ingress.annotations, or leave sourceRanges out",
        });
    } else if (sourceRanges.length > 0 && dataplane === "wukong" && !isFromOutside) {
        problems.push({
            field: "sourceRanges",
            rule: "the node agent limits who comes from outside of the cluster, where a Service of type ClusterIP is not reached",
            remedy: "leave sourceRanges out, or use type NodePort or LoadBalancer, or a hostPort",
        });
    } else if (needsNetworkPolicy(exposure) && network === "secondary") {
        problems.push({
            field: "sourceRanges",
            rule: "kube-proxy limits who may come at load balancers only, and a NetworkPolicy reaches the pod network only",
            remedy: NEEDS_AGENT,
        });
    } else if (needsNetworkPolicy(exposure) && type === "NodePort" && externalTrafficPolicy === "Cluster") {
        problems.push({
            field: "externalTrafficPolicy",
            value: externalTrafficPolicy,
            rule: "with it the nodes put their own address in place of the client's, so sourceRanges would meet nodes alone",
            remedy: 'leave it out, which is "Local" beside sourceRanges, or leave sourceRanges out',
        });
    }
    return problems;
}
