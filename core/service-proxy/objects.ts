/** What is read of a Service (core/v1). */
export interface ServiceObject {
    readonly metadata: {
        readonly name: string;
        readonly namespace?: string;
        readonly uid?: string;
        readonly labels?: Readonly<Record<string, string>>;
        readonly annotations?: Readonly<Record<string, string>>;
        readonly deletionTimestamp?: string;
    };
    readonly spec?: {
        readonly type?: string;
        readonly clusterIP?: string;
        readonly clusterIPs?: readonly string[];
        /** `IPv4` and `IPv6`. */
        readonly ipFamilies?: readonly string[];
        readonly externalIPs?: readonly string[];
        readonly ports?: readonly ServicePort[];
        readonly selector?: Readonly<Record<string, string>>;
        readonly sessionAffinity?: string;
        readonly sessionAffinityConfig?: { readonly clientIP?: { readonly timeoutSeconds?: number } };
        readonly internalTrafficPolicy?: string;
        readonly externalTrafficPolicy?: string;
        readonly healthCheckNodePort?: number;
        readonly loadBalancerSourceRanges?: readonly string[];
        readonly publishNotReadyAddresses?: boolean;
    };
    readonly status?: {
        readonly loadBalancer?: { readonly ingress?: readonly { readonly ip?: string; readonly ipMode?: string }[] };
    };
}

export interface ServicePort {
    readonly name?: string;
    readonly protocol?: string;
    readonly port: number;
    readonly targetPort?: number | string;
    readonly nodePort?: number;
    readonly appProtocol?: string;
}

/** What is read of an EndpointSlice (discovery.k8s.io/v1). Lists may be null. */
export interface EndpointSliceObject {
    readonly metadata: {
        readonly name: string;
        readonly namespace?: string;
        readonly labels?: Readonly<Record<string, string>>;
        readonly annotations?: Readonly<Record<string, string>>;
    };
    readonly addressType?: string;
    readonly endpoints?: readonly SliceEndpoint[] | null;
    readonly ports?: readonly { readonly name?: string; readonly protocol?: string; readonly port?: number }[] | null;
}

export interface SliceEndpoint {
    readonly addresses: readonly string[];
    readonly nodeName?: string;
    /** An absent condition is true for `ready` and `serving`, false for `terminating` (EndpointConditions). */
    readonly conditions?: { readonly ready?: boolean; readonly serving?: boolean; readonly terminating?: boolean };
}
