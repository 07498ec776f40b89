import { familyName } from "../ip";
import { frontendsOf } from "./frontends";
import { portKey, type ProxyPort, type ProxyState } from "./model";

/** What a port takes a place by, first the kinds that count for more: the cluster chooses the first, users the others. */
const KINDS = ["cluster IP", "node port", "external IP", "host port"] as const;

type Kind = (typeof KINDS)[number];

/** How a Service that has lost a place gets one, by what it wanted it by. */
const REMEDY: Readonly<Record<Kind, string>> = {
    "cluster IP": "Delete one of the two and make it again",
    "node port": "Give one of the two another node port",
    "external IP": "Give one of the two another address or port",
    "host port": "Give one of the two another host port",
};

/** A place where connections arrive (an address or the node, with protocol and port), as one port wants it. */
interface Claim {
    readonly place: string;
    readonly kind: Kind;
    readonly port: ProxyPort;
}

/** A port that has lost places, and what is left of it. */
interface Loser {
    readonly lost: readonly Claim[];
    readonly left: ProxyPort;
}

/**
 * Gives each place to one port, by kind and then by key, and takes it from all others: with its endpoints go who may come and
 * what becomes of those who may not, so that none of these is ever another Service's. A function of the last state alone.
 * A port that is the same object as before is not looked at again unless others come to or leave its places.
 */
export class FrontendClaims {
    private readonly claims = new Map<ProxyPort, readonly Claim[]>();
    private readonly claimants = new Map<string, readonly Claim[]>();
    private readonly losers = new Map<ProxyPort, Loser>();

    /** Goes over to another state; gives what of it is served, and what is not in sentences. */
    public decide({ ports }: ProxyState): ProxyState & { readonly unserved: readonly string[] } {
        const now = new Set(ports);
        const affected = new Set<ProxyPort>();
        for (const [port, claims] of this.claims) {
            if (!now.has(port)) {
                this.claims.delete(port);
                this.losers.delete(port);
                for (const { place } of claims) {
                    this.setClaimants(
                        place,
                        this.claimantsOf(place).filter((each) => each.port !== port),
                        affected,
                    );
                }
            }
        }
        for (const port of now) {
            if (!this.claims.has(port)) {
                const claims = claimsOf(port);
                this.claims.set(port, claims);
                for (const claim of claims) {
                    this.setClaimants(claim.place, [...this.claimantsOf(claim.place), claim].sort(order), affected);
                }
            }
        }
        for (const port of affected) {
            this.settle(port);
        }
        return {
            ports: this.losers.size === 0 ? ports : ports.map((port) => this.served(port)),
            unserved: this.losers.size === 0 ? [] : ports.flatMap((port) => this.sentencesOf(port)),
        };
    }

    /** What is served of a port of the last state. */
    public served(port: ProxyPort): ProxyPort {
        return this.losers.get(port)?.left ?? port;
    }

    private claimantsOf(place: string): readonly Claim[] {
        return this.claimants.get(place) ?? [];
    }

    private setClaimants(place: string, claims: readonly Claim[], affected: Set<ProxyPort>): void {
        if (claims.length === 0) {
            this.claimants.delete(place);
        } else {
            this.claimants.set(place, claims);
        }
        claims.forEach(({ port }) => affected.add(port));
    }

    private settle(port: ProxyPort): void {
        const lost = (this.claims.get(port) ?? []).filter(({ place }) => this.winnerOf(place) !== port);
        const before = this.losers.get(port);
        if (lost.length === 0) {
            this.losers.delete(port);
        } else if (before === undefined || placesOf(before.lost) !== placesOf(lost)) {
            this.losers.set(port, { lost, left: without(port, lost) });
        }
    }

    private winnerOf(place: string): ProxyPort | undefined {
        return this.claimantsOf(place)[0]?.port;
    }

    private sentencesOf(port: ProxyPort): string[] {
        return (this.losers.get(port)?.lost ?? []).map(({ place, kind }) => {
            const winner = this.claimantsOf(place)[0];
            const has = winner === undefined ? "" : `${nameOf(winner.port)} has it as its ${winner.kind}`;
            return (
                `${nameOf(port)} is not served at its ${kind} (${place}): ${has}, and a place is served to one Service ` +
                `(${KINDS.join(" before ")}, then by name). ${REMEDY[kind]}.`
            );
        });
    }
}

function claimsOf(port: ProxyPort): Claim[] {
    return frontendsOf(port).map(({ address, port: number, scope }) => {
        const ofNode = number === port.nodePort ? "node port" : "host port";
        const kind = scope === "internal" ? "cluster IP" : address === undefined ? ofNode : "external IP";
        return { place: placeOf(port, address, number), kind, port };
    });
}

function placeOf({ family, protocol }: ProxyPort, address: string | undefined, number: number): string {
    return `${protocol} port ${String(number)} of ${address ?? `the node by ${familyName(family)}`}`;
}

/** Those who win come first. */
function order(a: Claim, b: Claim): number {
    return KINDS.indexOf(a.kind) - KINDS.indexOf(b.kind) || (portKey(a.port) < portKey(b.port) ? -1 : 1);
}

function placesOf(claims: readonly Claim[]): string {
    return claims.map(({ place }) => place).join(", ");
}

function without(port: ProxyPort, lost: readonly Claim[]): ProxyPort {
    const places = new Set(lost.map(({ place }) => place));
    const isKept = (address: string | undefined, number: number): boolean =>
        !places.has(placeOf(port, address, number));
    const { nodePort, hostPort, ...others } = port;
    return {
        ...others,
        clusterIP: isKept(port.clusterIP, port.port) ? port.clusterIP : "",
        externalIPs: port.externalIPs.filter((address) => isKept(address, port.port)),
        ...(nodePort !== undefined && isKept(undefined, nodePort) && { nodePort }),
        ...(hostPort !== undefined && isKept(undefined, hostPort) && { hostPort }),
    };
}

function nameOf({ service, name }: ProxyPort): string {
    return `Service ${service}${name === "" ? "" : ` (port ${name})`}`;
}
