import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { validateProxyDeployment } from "../core/service-proxy/deployment";
import { AGENT_PERMISSIONS, CONTROLLER_PERMISSIONS, type PermissionRule } from "../core/service-proxy/permissions";
import { objectAnnotations } from "./manager";
import { refuse } from "./refuse";
import { scopeOf, type ClusterScopedArgs } from "./scope";

/** How Services in front of VMs on secondary networks are served. */
export interface ServiceProxyArgs extends ClusterScopedArgs {
    /**
     * Image with both programs, with tag or digest. None is published: build it from `proxy/Dockerfile` of the package.
     */
    image: pulumi.Input<string>;
    /** What the agents write rules of; nftables keeps step with many Services far better. @default "nftables" */
    mode?: "nftables" | "iptables";
    /**
     * What the names of the chains begin with, in mode `iptables`: one to seven capitals and digits. `KUBE` is kube-proxy's.
     * @default "WUKONG"
     */
    chainPrefix?: string;
    /**
     * Ports of the nodes that `hostPort` of Services may take, as `80,443,8000-8999`: whoever may write a Service gets the
     * traffic to them.
     * @default all from 1024 on but those of the control plane, of kubelet and of NodePorts (`DEFAULT_HOST_PORTS`)
     */
    hostPorts?: string;
    /** Port of each node's status API, which listens at 127.0.0.1 of the node. @default 5050 */
    statusPort?: number;
    /** Labels of the nodes that serve. @default all nodes do */
    nodeSelector?: pulumi.Input<Record<string, pulumi.Input<string>>>;
    /** Taints of nodes that the agents run on all the same. @default all taints */
    tolerations?: pulumi.Input<pulumi.Input<kubernetes.types.input.core.v1.Toleration>[]>;
    /** Has to let pods use the node's network (Pod Security Standard `privileged`). @default "kube-system" */
    namespace?: pulumi.Input<string>;
    /** Further labels of everything that is made. @default none */
    labels?: pulumi.Input<Record<string, pulumi.Input<string>>>;
}

/** One of the two programs: where it runs, and what it may do. */
interface Program {
    readonly name: string;
    readonly account: kubernetes.core.v1.ServiceAccount;
    readonly selector: Record<string, string>;
    readonly metadata: kubernetes.types.input.meta.v1.ObjectMeta;
    readonly podMetadata: kubernetes.types.input.meta.v1.ObjectMeta;
}

/** Of the image's user `node`, as whom the program runs that has no business on its node. */
const UNPRIVILEGED = 1000;

const SECCOMP = { type: "RuntimeDefault" };

/**
 * What serves the Services that kube-proxy cannot: an agent on each node, which keeps the node's rules, and a controller,
 * which keeps the Services' EndpointSlices.
 */
export class ServiceProxy extends pulumi.ComponentResource {
    /** The agents, `<name>-agent`. */
    public readonly agent: kubernetes.apps.v1.DaemonSet;
    /** The endpoint controller, `<name>-endpoints`. */
    public readonly endpointController: kubernetes.apps.v1.Deployment;

    constructor(name: string, args: ServiceProxyArgs, opts?: pulumi.ComponentResourceOptions) {
        super("wukong:index:ServiceProxy", name, {}, opts);
        const { image, mode = "nftables", chainPrefix, hostPorts, statusPort = 5050 } = args;
        const plainImage = typeof image === "string" ? image : undefined;
        refuse(
            this,
            `ServiceProxy ${name}`,
            validateProxyDeployment({ image: plainImage, mode, chainPrefix, hostPorts, statusPort }),
        );
        const options = scopeOf(this, args).kubernetes;
        const namespace = pulumi.output(args.namespace ?? "kube-system");
        const program = (component: "agent" | "endpoints", rules: readonly PermissionRule[]): Program =>
            programOf(name, component, rules, { namespace, labels: args.labels, options });

        const agent = program("agent", AGENT_PERMISSIONS);
        this.agent = new kubernetes.apps.v1.DaemonSet(
            agent.name,
            {
                metadata: agent.metadata,
                spec: {
                    selector: { matchLabels: agent.selector },
                    template: {
                        metadata: agent.podMetadata,
                        spec: {
                            serviceAccountName: agent.account.metadata.name,
                            hostNetwork: true,
                            // The node may have no pod network yet, nor the cluster's DNS; the agent needs neither.
                            dnsPolicy: "Default",
                            priorityClassName: "system-node-critical",
                            ...(args.nodeSelector !== undefined && { nodeSelector: args.nodeSelector }),
                            tolerations: args.tolerations ?? [{ operator: "Exists" }],
                            containers: [
                                agentContainer(
                                    image,
                                    [
                                        "agent",
                                        // The kubelet puts in the name (Kubernetes, "Define Environment Variables for a Container").
                                        ...["--node-name", "$(NODE_NAME)"],
                                        ...["--mode", mode, "--status-port", String(statusPort)],
                                        ...(chainPrefix === undefined ? [] : ["--chain-prefix", chainPrefix]),
                                        ...(hostPorts === undefined ? [] : ["--host-ports", hostPorts]),
                                    ],
                                    statusPort,
                                ),
                            ],
                        },
                    },
                },
            },
            options,
        );

        const controller = program("endpoints", CONTROLLER_PERMISSIONS);
        this.endpointController = new kubernetes.apps.v1.Deployment(
            controller.name,
            {
                metadata: controller.metadata,
                spec: {
                    replicas: 1,
                    // Two would do each other's work.
                    strategy: { type: "Recreate" },
                    selector: { matchLabels: controller.selector },
                    template: {
                        metadata: controller.podMetadata,
                        spec: {
                            serviceAccountName: controller.account.metadata.name,
                            priorityClassName: "system-cluster-critical",
                            containers: [controllerContainer(image)],
                        },
                    },
                },
            },
            options,
        );
        this.registerOutputs({});
    }
}

/** The account of a program, with its rights, and what its objects have in common. */
function programOf(
    instance: string,
    component: string,
    rules: readonly PermissionRule[],
    place: {
        readonly namespace: pulumi.Output<string>;
        readonly labels: ServiceProxyArgs["labels"];
        readonly options: pulumi.CustomResourceOptions;
    },
): Program {
    const { namespace, options } = place;
    const name = `${instance}-${component}`;
    const selector = {
        "app.kubernetes.io/name": "wukong-service-proxy",
        "app.kubernetes.io/instance": instance,
        "app.kubernetes.io/component": component,
    };
    const labels = pulumi.output(place.labels ?? {}).apply((further) => ({ ...further, ...selector }));
    const inCluster = { name, labels, annotations: objectAnnotations() };
    const metadata = { ...inCluster, namespace };
    const account = new kubernetes.core.v1.ServiceAccount(name, { metadata }, options);
    const role = new kubernetes.rbac.v1.ClusterRole(name, { metadata: inCluster, rules: [...rules] }, options);
    new kubernetes.rbac.v1.ClusterRoleBinding(
        name,
        {
            metadata: inCluster,
            roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: role.metadata.name },
            subjects: [{ kind: "ServiceAccount", name: account.metadata.name, namespace }],
        },
        options,
    );
    return { name, account, selector, metadata, podMetadata: { labels } };
}

/**
 * The agent writes the node's rules: that takes CAP_NET_ADMIN, and root, as Kubernetes gives capabilities to no other user
 * (kubernetes/enhancements issue 2763).
 */
function agentContainer(
    image: pulumi.Input<string>,
    args: string[],
    statusPort: number,
): kubernetes.types.input.core.v1.Container {
    const probe = (path: string): kubernetes.types.input.core.v1.Probe => ({
        httpGet: { host: "127.0.0.1", path, port: statusPort },
        timeoutSeconds: 5,
    });
    return {
        name: "agent",
        image,
        args,
        env: [{ name: "NODE_NAME", valueFrom: { fieldRef: { fieldPath: "spec.nodeName" } } }],
        ports: [{ name: "status", containerPort: statusPort, hostPort: statusPort, hostIP: "127.0.0.1" }],
        livenessProbe: { ...probe("/livez"), initialDelaySeconds: 10 },
        readinessProbe: probe("/healthz"),
        resources: { requests: { cpu: "50m", memory: "128Mi" } },
        securityContext: {
            runAsUser: 0,
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ["ALL"], add: ["NET_ADMIN"] },
            seccompProfile: SECCOMP,
        },
    };
}

function controllerContainer(image: pulumi.Input<string>): kubernetes.types.input.core.v1.Container {
    return {
        name: "endpoints",
        image,
        args: ["endpoints"],
        resources: { requests: { cpu: "50m", memory: "128Mi" } },
        securityContext: {
            runAsUser: UNPRIVILEGED,
            runAsNonRoot: true,
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ["ALL"] },
            seccompProfile: SECCOMP,
        },
    };
}
