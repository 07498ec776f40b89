/** Load balancers that are asked for an address by an annotation of their own. */
export type LoadBalancerProvider = "metallb" | "kube-vip" | "cilium" | "calico";

interface Provider {
    readonly annotation: string;
    /** What the annotation says, for one address. */
    readonly value: (address: string) => string;
    /** Values of `spec.loadBalancerClass` that mean this provider whatever its configuration. */
    readonly classes: readonly string[];
    /** The annotation by which several Services share an address, where it takes one. */
    readonly sharing?: string;
}

/**
 * Sources: MetalLB "Usage: requesting specific IPs" and "IP address sharing"; kube-vip pull request 528 and its
 * `kube-vip-class`; Cilium "LB IPAM: requesting IPs, sharing keys"; Calico kube-controllers, loadbalancer_controller.go.
 */
const PROVIDERS: Readonly<Record<LoadBalancerProvider, Provider>> = {
    metallb: {
        annotation: "metallb.io/loadBalancerIPs",
        value: String,
        classes: ["metallb.io/metallb"],
        sharing: "metallb.io/allow-shared-ip",
    },
    "kube-vip": {
        annotation: "kube-vip.io/loadbalancerIPs",
        value: String,
        classes: ["kube-vip.io/kube-vip-class"],
    },
    cilium: {
        annotation: "lbipam.cilium.io/ips",
        value: String,
        classes: ["io.cilium/bgp-control-plane", "io.cilium/l2-announcer"],
        sharing: "lbipam.cilium.io/sharing-key",
    },
    calico: {
        annotation: "projectcalico.org/loadBalancerIPs",
        value: (address) => JSON.stringify([address]),
        classes: ["calico"],
    },
};

/** How a load balancer is asked for an address: by its annotation, or by the field that Kubernetes had for it before. */
export type AddressRequest =
    { readonly annotations: Readonly<Record<string, string>> } | { readonly loadBalancerIP: string };

/**
 * The provider that is named, or that the class stands for; none where neither says. `spec.loadBalancerIP` is deprecated
 * since Kubernetes 1.24, but all others read that.
 */
export function requestAddress(
    address: string,
    { loadBalancerProvider, loadBalancerClass }: RequestedLoadBalancer,
): AddressRequest {
    const provider = loadBalancerProvider
        ? PROVIDERS[loadBalancerProvider]
        : Object.values(PROVIDERS).find(({ classes }) => classes.includes(loadBalancerClass ?? ""));
    return provider ? { annotations: { [provider.annotation]: provider.value(address) } } : { loadBalancerIP: address };
}

/** What an exposure says of its load balancer. */
export interface RequestedLoadBalancer {
    readonly loadBalancerProvider?: LoadBalancerProvider;
    readonly loadBalancerClass?: string;
}

/** The addresses that a Service's annotations ask any of the load balancers for. */
export function requestedAddresses(annotations: Readonly<Record<string, string>>): string[] {
    return Object.values(PROVIDERS).flatMap(({ annotation }) =>
        (annotations[annotation] ?? "").split(/[\s,"[\]]+/).filter((address) => address !== ""),
    );
}

/** Whether two Services agree to share an address: the same key in the annotation of the same load balancer. */
export function sharesAddress(one: Readonly<Record<string, string>>, other: Readonly<Record<string, string>>): boolean {
    return Object.values(PROVIDERS).some(
        ({ sharing }) => sharing !== undefined && one[sharing] !== undefined && one[sharing] === other[sharing],
    );
}
