import type { ServicePort } from "../../core/service/ports";
import type { CommonInputs } from "../connection";

/** A VM behind a Service. */
export interface ClaimedVm {
    readonly namespace: string;
    readonly name: string;
    /** Labels of its instance and pods. */
    readonly labels: Readonly<Record<string, string>>;
    /** The networks that its NICs are on, as `namespace/name`. */
    readonly nadNames: readonly string[];
}

/** What is stored of a claim: the rest is looked at in each run anew, and no reason for an update. */
export interface StoredClaim extends CommonInputs {
    namespace: string;
    service: string;
}

export interface ServiceClaimInputs extends StoredClaim {
    /** Who manages the program's objects. */
    manager: string;
    /** Name of the ServiceExposure. */
    exposure: string;
    /** The NIC of a VM whose field it is. */
    declaredBy?: { vm: string; nic: string; field: string };
    ports: ServicePort[];
    /** A fixed one. */
    clusterIP?: string;
    loadBalancerIP?: string;
    /** Annotations of the Service. */
    annotations?: Record<string, string>;
    /** The VMs behind it, as far as the program names them. */
    vms?: ClaimedVm[];
    /** Labels that the Service finds them by. */
    selector: Record<string, string>;
    /** Whether the program gives these labels: other VMs that have them are meant then too. */
    isSelectorGiven: boolean;
    /** `namespace/name` of the network on which they are reached; absent for the pod network. */
    network?: string;
    /** Whether a NetworkPolicy limits who may come. */
    isRestricted: boolean;
    /** Whether an Ingress stands before it. */
    hasIngress: boolean;
}
