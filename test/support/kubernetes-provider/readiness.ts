import { gvkOf, metadataOf, nameOf, pluck } from "./kube-object";
import { isObject, type Json, type JsonObject } from "./values";

/** How long upstream lets endpoints settle after each change of them. */
export const ENDPOINTS_SETTLE_MS = 10_000;
/** After this long without any endpoints, upstream's Ingress awaiter takes them for settled. */
export const INGRESS_GRACE_MS = 60_000;

/** The decision whether one object is ready, fed with events of it and of its neighbours. */
export interface Readiness {
    /** The kinds to watch in the object's namespace beside its own. */
    readonly neighbours: readonly string[];
    observe(kind: string, type: string, object: JsonObject): void;
    settle(): void;
    ready(): boolean;
    /** Ready enough when the time is up. */
    acceptable(): boolean;
    problems(): string[];
    /** A pause after which `settle` is called once if no endpoints were seen. */
    readonly graceMs?: number;
}

/** The rule that waits for this object; undefined for kinds that are ready once they exist. */
export function readinessOf(object: JsonObject): Readiness | undefined {
    const { group, kind } = gvkOf(object);
    switch (`${group}/${kind}`) {
        case "/Service":
            return new ServiceReadiness(object);
        case "networking.k8s.io/Ingress":
            return new IngressReadiness(object);
        case "apps/DaemonSet":
            return new DaemonSetReadiness(object);
        default:
            return undefined;
    }
}

function hasLoadBalancer(object: JsonObject): boolean {
    const ingress = pluck(object, "status", "loadBalancer", "ingress");
    return Array.isArray(ingress) && ingress.length > 0;
}

class ServiceReadiness implements Readiness {
    readonly neighbours = ["Endpoints"];
    private exists = false;
    private settled = false;
    private targeted = false;
    private pending = false;

    constructor(private service: JsonObject) {}

    observe(kind: string, type: string, object: JsonObject): void {
        if (nameOf(object) !== nameOf(this.service)) {
            return;
        }
        if (kind === "Service") {
            this.exists = type !== "DELETED";
            this.service = object;
        } else if (kind === "Endpoints") {
            const subsets = type === "DELETED" ? [] : list(object.subsets);
            this.settled = false;
            this.targeted = subsets.some((subset) => list(pluck(subset, "addresses")).length > 0);
            this.pending = subsets.some((subset) => list(pluck(subset, "notReadyAddresses")).length > 0);
        }
    }

    settle(): void {
        this.settled = true;
    }

    ready(): boolean {
        return this.needsPods() ? this.allocated() && this.settled && !this.pending : this.allocated();
    }

    acceptable(): boolean {
        return this.allocated() && !this.pending;
    }

    problems(): string[] {
        if (this.type() === "ExternalName" || pluck(this.service, "spec", "clusterIP") === "None") {
            return [];
        }
        const problems = [];
        if (!this.targeted) {
            problems.push("Service does not target any Pods");
        }
        if (this.type() === "LoadBalancer" && !this.allocated()) {
            problems.push("Service was not allocated an IP address; does your cloud provider support this?");
        }
        return problems;
    }

    private type(): Json | undefined {
        return pluck(this.service, "spec", "type");
    }

    private allocated(): boolean {
        return this.exists && (this.type() !== "LoadBalancer" || hasLoadBalancer(this.service));
    }

    private needsPods(): boolean {
        const selector = pluck(this.service, "spec", "selector");
        return (
            this.type() !== "ExternalName" &&
            pluck(this.service, "spec", "clusterIP") !== "None" &&
            isObject(selector) &&
            Object.keys(selector).length > 0
        );
    }
}

class IngressReadiness implements Readiness {
    readonly neighbours = ["Endpoints", "Service"];
    readonly graceMs = INGRESS_GRACE_MS;
    private readonly endpoints = new Set<string>();
    private readonly externalNames = new Set<string>();
    private settled = false;
    private addressed = false;

    constructor(private ingress: JsonObject) {}

    observe(kind: string, type: string, object: JsonObject): void {
        const name = nameOf(object);
        const gone = type === "DELETED";
        if (kind === "Endpoints") {
            this.settled = false;
            toggle(this.endpoints, name, !gone);
        } else if (kind === "Service") {
            toggle(this.externalNames, name, !gone && pluck(object, "spec", "type") === "ExternalName");
        } else if (name === nameOf(this.ingress)) {
            this.addressed = !gone && hasLoadBalancer(object);
            this.ingress = object;
        }
    }

    settle(): void {
        this.settled = true;
    }

    ready(): boolean {
        return this.addressed && this.pathsServed();
    }

    acceptable(): boolean {
        return this.ready();
    }

    problems(): string[] {
        const problems = [];
        if (!this.pathsServed()) {
            problems.push("Ingress has at least one rule with an unavailable target endpoint.");
        }
        if (!this.addressed) {
            problems.push("Ingress .status.loadBalancer field was not updated with a hostname/IP address.");
        }
        return problems;
    }

    private pathsServed(): boolean {
        return (
            this.settled ||
            list(pluck(this.ingress, "spec", "rules"))
                .flatMap((rule) => list(pluck(rule, "http", "paths")))
                .map((path) => String(pluck(path, "backend", "service", "name") ?? ""))
                .every((name) => name === "" || this.endpoints.has(name) || this.externalNames.has(name))
        );
    }
}

class DaemonSetReadiness implements Readiness {
    readonly neighbours = [];

    constructor(private daemonSet: JsonObject) {}

    observe(_kind: string, type: string, object: JsonObject): void {
        if (nameOf(object) === nameOf(this.daemonSet) && type !== "DELETED") {
            this.daemonSet = object;
        }
    }

    settle(): void {}

    ready(): boolean {
        const count = (field: string): number => Number(pluck(this.daemonSet, "status", field) ?? 0);
        const desired = pluck(this.daemonSet, "status", "desiredNumberScheduled");
        return (
            pluck(this.daemonSet, "status", "observedGeneration") === metadataOf(this.daemonSet).generation &&
            typeof desired === "number" &&
            ["currentNumberScheduled", "updatedNumberScheduled", "numberAvailable", "numberReady"].every(
                (field) => count(field) >= desired,
            )
        );
    }

    acceptable(): boolean {
        return false;
    }

    problems(): string[] {
        return [];
    }
}

function toggle(set: Set<string>, name: string, present: boolean): void {
    if (present) {
        set.add(name);
    } else {
        set.delete(name);
    }
}

function list(value: Json | undefined): Json[] {
    return Array.isArray(value) ? value : [];
}
