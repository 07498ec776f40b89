import * as fs from "node:fs";
import * as path from "node:path";
import { REPOSITORY } from "../../paths";
import { NODE_NAME } from "./services";

/** A program that serves the Services of a node. */
export interface Contestant {
    readonly name: string;
    readonly side: "agent" | "kube-proxy";
    /** The command that is run in the node. */
    command(kubeconfig: string, directory: string): { file: string; args: string[]; environment?: NodeJS.ProcessEnv };
}

/** Which of Debian's two programs `iptables` is. */
export type IptablesFlavour = "nft" | "legacy";

/** Upstream's kube-proxy, without its pause of a second between two changes (zero is read as that default). */
export function kubeProxy(program: string, mode: "iptables" | "nftables", flavour: IptablesFlavour): Contestant {
    return {
        name: `kube-proxy-${mode}${mode === "iptables" ? `-${flavour}` : ""}`,
        side: "kube-proxy",
        command: (kubeconfig, directory) => {
            const file = path.join(directory, `kube-proxy-${mode}.json`);
            const configuration = {
                apiVersion: "kubeproxy.config.k8s.io/v1alpha1",
                kind: "KubeProxyConfiguration",
                clientConnection: { kubeconfig, qps: 1000, burst: 2000 },
                hostnameOverride: NODE_NAME,
                mode,
                iptables: { minSyncPeriod: "1ms" },
                nftables: { minSyncPeriod: "1ms" },
                detectLocalMode: "ClusterCIDR",
                clusterCIDR: "10.200.0.0/16",
                // Leaves the machine's own settings alone, and saves it the attempts to change what it may not.
                oomScoreAdj: 0,
                conntrack: { maxPerCore: 0, tcpEstablishedTimeout: "0s", tcpCloseWaitTimeout: "0s" },
            };
            fs.writeFileSync(file, JSON.stringify(configuration));
            return { file: program, args: [`--config=${file}`], environment: iptablesOf(flavour, directory) };
        },
    };
}

/** The node agent of this package. */
export function agent(mode: "iptables" | "nftables", flavour: IptablesFlavour): Contestant {
    return {
        name: `agent-${mode}${mode === "iptables" ? `-${flavour}` : ""}`,
        side: "agent",
        command: (kubeconfig, directory) => ({
            file: process.execPath,
            args: [
                path.join(REPOSITORY, "bin", "proxy", "main.js"),
                "agent",
                ...["--kubeconfig", kubeconfig, "--node-name", NODE_NAME, "--mode", mode],
            ],
            environment: iptablesOf(flavour, directory),
        }),
    };
}

/** A PATH on which the programs of iptables are those of a flavour. */
function iptablesOf(flavour: IptablesFlavour, directory: string): NodeJS.ProcessEnv {
    const folder = path.join(directory, `iptables-${flavour}`);
    fs.mkdirSync(folder, { recursive: true });
    for (const family of ["iptables", "ip6tables"]) {
        for (const suffix of ["", "-restore", "-save"]) {
            const link = path.join(folder, `${family}${suffix}`);
            fs.rmSync(link, { force: true });
            fs.symlinkSync(`/usr/sbin/${family}-${flavour}${suffix}`, link);
        }
    }
    return { PATH: `${folder}:${String(process.env["PATH"])}` };
}
