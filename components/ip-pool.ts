import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { canonicalPool, validatePool, type ConflictPolicy, type ConflictSource, type PoolSpec } from "../core/pool";
import { PoolGuard } from "../dynamic/pool-guard/resource";
import { objectAnnotations } from "./manager";
import { refuse } from "./refuse";
import { scopeOf, type ClusterScopedArgs } from "./scope";

/** A block of addresses. */
export interface IPBlockArgs {
    /** Network in CIDR notation, without host bits. */
    cidr: string;
    /** What may be given out: addresses, or first-last. @default all of `cidr` */
    ranges?: string[];
    /** What is never given out: addresses, first-last, or CIDRs. */
    exclude?: string[];
    /** Never given out; guests route by it. */
    gateway?: string;
    /** Give out network and broadcast address too (IPv6: the subnet-router anycast address). @default false */
    allocateReserved?: boolean;
}

/** Users of addresses that this package has not reserved them for. */
export interface PoolConflictsArgs {
    /**
     * What it means that a source cannot be read: `Enforce`, an error; `Warn`, a warning. With `Off` none is read.
     * An address that is in use elsewhere is never given out.
     * @default "Warn"
     */
    policy?: ConflictPolicy;
    /** Whose addresses are not given out. @default all */
    sources?: ConflictSource[];
}

/** Addresses to give out, in one block by `cidr` and the fields beside it, or in several by `blocks`. */
export interface IPPoolArgs extends ClusterScopedArgs, Partial<IPBlockArgs> {
    /**
     * Scope in which an address is unique: an L2 domain or VRF. Pools of one space may overlap; it cannot be changed.
     * @default the name of the pool
     */
    space?: string;
    /** Several blocks, beside or instead of the one by `cidr`. @default only that one */
    blocks?: IPBlockArgs[];
    /** Told to the guests. @default none */
    dnsServers?: string[];
    /** Told to the guests. @default none */
    searchDomains?: string[];
    /** VLAN of the pool's addresses, 1 to 4094; kept beside them for those who read the pool. */
    vlanId?: number;
    /** The lowest so many addresses of each family go to those only who ask for them by name. @default 0 */
    staticBand?: number;
    /** How long an address rests after its release before another may have it, in seconds. @default 0 */
    releaseGraceSeconds?: number;
    /** Choose no further address from the pool; what is reserved stays. @default false */
    disabled?: boolean;
    /** @default all sources are read, and one that cannot be is warned of */
    conflicts?: PoolConflictsArgs;
}

/** A pool of addresses. The object itself reserves nothing: NICs and IPReservations do. */
export class IPPool extends pulumi.ComponentResource {
    /** What the pool gives out: planned from also before the cluster has it. */
    public readonly spec: PoolSpec;
    /** The pool's name, once the cluster has it. */
    public readonly poolName: pulumi.Output<string>;
    /** The IPPool object in the cluster. */
    public readonly object: kubernetes.apiextensions.CustomResource;
    /** What refuses a change or deletion that would take addresses from under their owners. */
    public readonly guard: PoolGuard;

    constructor(name: string, args: IPPoolArgs, opts?: pulumi.ComponentResourceOptions) {
        super("wukong:index:IPPool", name, {}, opts);
        const declared = poolSpec(name, args);
        refuse(this, `IPPool ${name}`, validatePool(declared));
        this.spec = canonicalPool(declared);
        const scope = scopeOf(this, args);
        const { name: poolName, ...spec } = this.spec;
        this.object = new kubernetes.apiextensions.CustomResource(
            name,
            {
                apiVersion: "vm.novasphere.dev/v1alpha1",
                kind: "IPPool",
                metadata: { name: poolName, annotations: objectAnnotations() },
                spec,
            },
            scope.kubernetes,
        );
        this.guard = new PoolGuard(
            `${name}-guard`,
            { ...scope.common, pool: this.spec },
            { ...scope.dynamic, dependsOn: [this.object] },
        );
        this.poolName = this.object.metadata.apply((metadata) => metadata.name);
        this.registerOutputs({ poolName: this.poolName });
    }
}

function poolSpec(name: string, args: IPPoolArgs): PoolSpec {
    const { cidr, ranges, exclude, gateway, allocateReserved } = args;
    const single = cidr === undefined ? [] : [{ cidr, ...defined({ ranges, exclude, gateway, allocateReserved }) }];
    const { dnsServers, searchDomains, vlanId, staticBand, releaseGraceSeconds, disabled, conflicts } = args;
    return {
        name,
        space: args.space ?? name,
        blocks: [...single, ...(args.blocks ?? [])],
        ...defined({ dnsServers, searchDomains, vlanId, staticBand, releaseGraceSeconds, disabled, conflicts }),
    };
}

/** The fields that have a value: an absent field is not the same as an undefined one in what the engine stores. */
function defined<T extends object>(fields: T): { [K in keyof T]?: NonNullable<T[K]> } {
    return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as never;
}

/** A pool of the program goes along as it is declared: a first preview does not find it in the cluster. */
export function poolInput(pool: IPPool | pulumi.Input<string> | undefined): { pool?: pulumi.Input<PoolSpec | string> } {
    if (pool === undefined) {
        return {};
    }
    return { pool: isPool(pool) ? pool.spec : pool };
}

/** What must exist before an address of the pool is taken. */
export function poolDependency(pool: IPPool | pulumi.Input<string> | undefined): pulumi.Resource[] {
    return isPool(pool) ? [pool.object, pool.guard] : [];
}

/** What reservations of one pool have in common, however each names the pool. */
export function poolKey(pool: IPPool | pulumi.Input<string> | undefined): unknown {
    return isPool(pool) ? pool.spec.name : pool;
}

/** A pool that the program declares, not the name of one. */
export function isPool(pool: IPPool | pulumi.Input<string> | undefined): pool is IPPool {
    return pulumi.ComponentResource.isInstance(pool);
}
