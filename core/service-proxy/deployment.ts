import type { Problem } from "../problem";
import { parsePortRanges } from "./host-ports";

/** How a service proxy is deployed, as far as its rules reach. */
export interface ProxyDeployment {
    readonly image: string | undefined;
    readonly mode: string;
    readonly chainPrefix: string | undefined;
    readonly hostPorts: string | undefined;
    readonly statusPort: number;
}

/** A chain's name has at most 28 characters (XT_EXTENSION_MAXNAMELEN), and `-SVC-` with a hash takes 21 of them. */
const PREFIX = /^[A-Z][A-Z0-9]{0,6}$/;

/** Everything that would keep the service proxy from working, or another one beside it. */
export function validateProxyDeployment({
    image,
    mode,
    chainPrefix,
    hostPorts,
    statusPort,
}: ProxyDeployment): Problem[] {
    const problems: Problem[] = [];
    if (image === "") {
        problems.push({
            field: "image",
            value: "",
            rule: "no image is published: it is the one that you have built",
            remedy: "build proxy/Dockerfile of the package, push it, and name it with its tag or digest",
        });
    }
    if (mode !== "nftables" && mode !== "iptables") {
        problems.push({
            field: "mode",
            value: mode,
            rule: "the agent writes rules of nftables or of iptables",
            remedy: "choose one of the two",
        });
    }
    if (chainPrefix !== undefined && mode !== "iptables") {
        problems.push({
            field: "chainPrefix",
            value: chainPrefix,
            rule: "with nftables the rules are in a table of their own, whose chains have no prefix",
            remedy: "leave it out, or use mode iptables",
        });
    } else if (chainPrefix !== undefined && !PREFIX.test(chainPrefix)) {
        problems.push({
            field: "chainPrefix",
            value: chainPrefix,
            rule: "a prefix is one to seven capitals and digits, the first a capital: names of chains are short",
            remedy: "choose one such as WK",
        });
    }
    if (hostPorts !== undefined && parsePortRanges(hostPorts) === undefined) {
        problems.push({
            field: "hostPorts",
            value: hostPorts,
            rule: "ports are given as 80,443,8000-8999, each from 1 to 65535",
            remedy: "correct it",
        });
    }
    if (!Number.isInteger(statusPort) || statusPort < 1 || statusPort > 65_535) {
        problems.push({
            field: "statusPort",
            value: statusPort,
            rule: "a port is a whole number from 1 to 65535",
            remedy: "correct it",
        });
    }
    return problems;
}
