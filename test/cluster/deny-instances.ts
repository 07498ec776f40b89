import type * as k8s from "@kubernetes/client-node";
import { done, seen, until } from "../support/embedded-cluster";

/** An admission policy that refuses VMIs of a namespace with a network of a name, and keeps migrations from ending. */
export class DenyInstances {
    private readonly policy: k8s.V1ValidatingAdmissionPolicy;
    private readonly binding: k8s.V1ValidatingAdmissionPolicyBinding;

    /** @param moving name of the VMI that stays under migration, if one does */
    constructor(
        private readonly namespace: string,
        private readonly network: string,
        private readonly objects: k8s.KubernetesObjectApi,
        moving?: string,
    ) {
        const state = "object.status.migrationState";
        const isEnding = [`has(object.status)`, `has(${state})`, `has(${state}.completed)`, `${state}.completed`];
        const name = `deny-${network}-${namespace}`;
        this.policy = {
            apiVersion: "admissionregistration.k8s.io/v1",
            kind: "ValidatingAdmissionPolicy",
            metadata: { name },
            spec: {
                matchConstraints: {
                    resourceRules: [
                        {
                            apiGroups: ["kubevirt.io"],
                            apiVersions: ["v1"],
                            operations: ["CREATE", "UPDATE"],
                            resources: ["virtualmachineinstances"],
                        },
                    ],
                },
                validations: [
                    {
                        expression: `!has(object.spec.networks) || !object.spec.networks.exists(n, n.name == '${network}')`,
                        message: `no ${network} here`,
                    },
                    ...(moving === undefined
                        ? []
                        : [
                              {
                                  expression: `object.metadata.name != '${moving}' || !(${isEnding.join(" && ")})`,
                                  message: `${moving} stays under migration`,
                              },
                          ]),
                ],
            },
        };
        this.binding = {
            apiVersion: "admissionregistration.k8s.io/v1",
            kind: "ValidatingAdmissionPolicyBinding",
            metadata: { name },
            spec: {
                policyName: name,
                validationActions: ["Deny"],
                matchResources: { namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": namespace } } },
            },
        };
    }

    /** Installs the policy and waits, by dry runs, until the API server has taken it up. */
    async install(create: (manifest: object) => Promise<void>): Promise<void> {
        await this.objects.create(this.policy);
        await this.objects.create(this.binding);
        const manifest = {
            apiVersion: "kubevirt.io/v1",
            kind: "VirtualMachineInstance",
            metadata: { name: "probe", namespace: this.namespace },
            spec: {
                domain: {
                    resources: { requests: { memory: "64Mi" } },
                    devices: { interfaces: [{ name: this.network, bridge: {} }] },
                },
                networks: [{ name: this.network, multus: { networkName: "red" } }],
            },
        };
        await until("the admission policy to act", async () => {
            try {
                await create(manifest);
                return seen("accepted");
            } catch (error) {
                return String(error).includes(`no ${this.network} here`) ? done(true) : seen(String(error));
            }
        });
    }

    async remove(): Promise<void> {
        await this.objects.delete(this.binding);
        await this.objects.delete(this.policy);
    }
}
