import type { KubernetesObject } from "../../cluster/client";
import type { ObjectHandler } from "../../cluster/reflector";

/** The objects of a kind as they are known, by namespace and name. */
export class ObjectStore<T extends KubernetesObject> implements ObjectHandler<T> {
    private readonly namespaces = new Map<string, Map<string, T>>();
    private listed = false;

    /**
     * @param onChange told of each object that came, went, or became another, before and after
     * @param keeps which objects are kept; what becomes one that is not is removed
     */
    constructor(
        private readonly onChange: (object: T) => void,
        private readonly keeps: (object: T) => boolean = () => true,
    ) {}

    /** False until the objects have been listed for the first time. */
    public get isListed(): boolean {
        return this.listed;
    }

    public get(namespace: string, name: string): T | undefined {
        return this.namespaces.get(namespace)?.get(name);
    }

    /** The objects of a namespace; of kinds without, those of "". */
    public in(namespace: string): T[] {
        return [...(this.namespaces.get(namespace)?.values() ?? [])];
    }

    public *all(): Generator<T> {
        for (const objects of this.namespaces.values()) {
            yield* objects.values();
        }
    }

    public replaced(objects: readonly T[]): void {
        const before = [...this.all()];
        this.namespaces.clear();
        objects.forEach((object) => {
            this.put(object);
        });
        this.listed = true;
        [...before, ...objects].forEach(this.onChange);
    }

    public changed(object: T): void {
        const { namespace = "", name } = object.metadata;
        const before = this.get(namespace, name);
        this.put(object);
        if (before !== undefined) {
            this.onChange(before);
        }
        this.onChange(object);
    }

    public removed(object: T): void {
        const { namespace = "", name } = object.metadata;
        this.namespaces.get(namespace)?.delete(name);
        this.onChange(object);
    }

    private put(object: T): void {
        const { namespace = "", name } = object.metadata;
        if (!this.keeps(object)) {
            this.namespaces.get(namespace)?.delete(name);
            return;
        }
        const objects = this.namespaces.get(namespace) ?? new Map<string, T>();
        this.namespaces.set(namespace, objects.set(name, object));
    }
}
