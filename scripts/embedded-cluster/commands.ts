import * as path from "node:path";
import type { ProgramName as ToolchainName } from "../toolchain";

/** The programs of the embedded cluster, by name. */
export const programNames = [
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "virt-api",
    "virt-controller",
    "node-side",
] as const;

export type ProgramName = (typeof programNames)[number];

/** The releases of KubeVirt a cluster can have. */
export const kubeVirtReleases = ["1.6", "1.9"] as const;

export type KubeVirtRelease = (typeof kubeVirtReleases)[number];

/** KubeVirt's programs, and the node side which uses its packages: each release has its own. */
const ofKubeVirt = ["virt-api", "virt-controller", "node-side"] as const;

/** The names under which the toolchain has the programs of a cluster. */
export function toolchainNames(release: KubeVirtRelease): Readonly<Record<ProgramName, ToolchainName>> {
    const own = release === "1.6" ? [] : ofKubeVirt.map((name) => [name, `${name}-${release}`]);
    return Object.fromEntries([...programNames.map((name) => [name, name]), ...own]) as Record<
        ProgramName,
        ToolchainName
    >;
}

/** The loopback ports of a cluster. */
export interface Ports {
    readonly etcd: number;
    readonly etcdPeer: number;
    readonly apiServer: number;
    readonly controllerManager: number;
    readonly virtApi: number;
    readonly virtApiConsole: number;
    readonly virtController: number;
}

/**
 * The controllers of kube-controller-manager that a cluster of VirtualMachines needs: Services get their endpoints,
 * foreground deletes end, namespaces go.
 */
const controllers = [
    "endpoints-controller",
    "endpointslice-controller",
    "endpointslice-mirroring-controller",
    "garbage-collector-controller",
    "namespace-controller",
    "root-ca-certificate-publisher-controller",
    "serviceaccount-controller",
];

/** The command line of each long-running program but the node side. */
export function commandLine(
    name: ProgramName,
    directory: string,
    { ports, release }: { readonly ports: Ports; readonly release: KubeVirtRelease },
): string[] {
    const certificate = (owner: string, file: string): string => path.join(directory, "certificates", owner, file);
    const pair = (owner: string, certificateFlag: string, keyFlag: string): string[] => [
        `--${certificateFlag}=${certificate(owner, "tls.crt")}`,
        `--${keyFlag}=${certificate(owner, "tls.key")}`,
    ];
    const kubeconfig = `--kubeconfig=${path.join(directory, "kubeconfigs", name)}`;
    const loopback = "127.0.0.1";
    switch (name) {
        case "etcd":
            return [
                `--data-dir=${path.join(directory, "etcd")}`,
                `--listen-client-urls=http://${loopback}:${ports.etcd}`,
                `--advertise-client-urls=http://${loopback}:${ports.etcd}`,
                `--listen-peer-urls=http://${loopback}:${ports.etcdPeer}`,
                `--initial-advertise-peer-urls=http://${loopback}:${ports.etcdPeer}`,
                `--initial-cluster=default=http://${loopback}:${ports.etcdPeer}`,
                "--unsafe-no-fsync",
                "--log-level=warn",
            ];
        case "kube-apiserver":
            return [
                `--etcd-servers=http://${loopback}:${ports.etcd}`,
                `--bind-address=${loopback}`,
                `--advertise-address=${loopback}`,
                `--secure-port=${ports.apiServer}`,
                ...pair("kube-apiserver", "tls-cert-file", "tls-private-key-file"),
                `--token-auth-file=${certificate("tokens", "tokens.csv")}`,
                "--authorization-mode=RBAC",
                "--allow-privileged=true",
                `--service-account-key-file=${certificate("service-account", "service-account.pub")}`,
                `--service-account-signing-key-file=${certificate("service-account", "service-account.key")}`,
                "--service-account-issuer=https://kubernetes.default.svc",
                "--service-cluster-ip-range=10.96.0.0/16",
                // The token volumes this adds are of no use to pods that do not run.
                "--disable-admission-plugins=ServiceAccount",
                // A loopback address may not be an endpoint of the Service "kubernetes".
                "--endpoint-reconciler-type=none",
                // These make kube-apiserver publish what virt-api checks its callers with.
                `--requestheader-client-ca-file=${certificate("ca", "ca.crt")}`,
                "--requestheader-allowed-names=aggregator",
                "--requestheader-username-headers=X-Remote-User",
                "--requestheader-group-headers=X-Remote-Group",
                "--requestheader-extra-headers-prefix=X-Remote-Extra-",
                ...pair("aggregator", "proxy-client-cert-file", "proxy-client-key-file"),
            ];
        case "kube-controller-manager":
            return [
                kubeconfig,
                `--controllers=${controllers.join(",")}`,
                `--bind-address=${loopback}`,
                `--secure-port=${ports.controllerManager}`,
                ...pair("virt-controller", "tls-cert-file", "tls-private-key-file"),
                `--root-ca-file=${certificate("ca", "ca.crt")}`,
                "--leader-elect=false",
                "--kube-api-qps=200",
                "--kube-api-burst=400",
                // An object waits this long for its deletion to be noticed otherwise.
                "--concurrent-gc-syncs=4",
                "--namespace-sync-period=10s",
            ];
        case "virt-api":
            return [
                kubeconfig,
                `--listen=${loopback}`,
                `--port=${ports.virtApi}`,
                `--console-server-port=${ports.virtApiConsole}`,
                ...pair("virt-api", "tls-cert-file", "tls-key-file"),
                ...pair("virt-api", "handler-cert-file", "handler-key-file"),
            ];
        case "virt-controller":
            return [
                kubeconfig,
                `--listen=${loopback}`,
                `--port=${ports.virtController}`,
                ...pair("virt-controller", "prom-cert-file", "prom-key-file"),
                // No container is ever run, but the pods have to name an image.
                `--launcher-image=virt-launcher:v${release}.0`,
                `--exporter-image=virt-exportserver:v${release}.0`,
            ];
        case "node-side":
            return ["run", `-directory=${directory}`];
    }
}
