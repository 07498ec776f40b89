import { type Resource, runtime } from "@pulumi/pulumi";
import type { PulumiFn } from "@pulumi/pulumi/automation";

/**
 * The resources that a program makes, and whether the engine heard of them. An inline program that loses its connection to
 * the engine ends as if all were well: the SDK keeps the gRPC error to itself (automation/server.ts). A test would then
 * take for the provider's doing what nobody asked it for.
 */
export class Registrations {
    private readonly made = new Map<string, Resource>();
    private readonly failures: unknown[] = [];

    /** The program, with an eye on it. */
    watch(program: PulumiFn): PulumiFn {
        return async () => {
            runtime.registerStackTransformation(({ name, resource }) => void this.made.set(name, resource));
            const outputs = await program();
            for (const { urn } of this.made.values()) {
                const known = urn as unknown as { promise(): Promise<string> };
                known.promise().catch((error: unknown) => this.failures.push(error));
            }
            return outputs;
        };
    }

    /** @throws Error where the program made a resource that the engine did nothing about */
    compare(steps: readonly { readonly op: string; readonly urn: string }[]): void {
        const heardOf = new Set(steps.filter(({ op }) => op !== "delete").map(({ urn }) => urn.split("::").at(-1)));
        const lost = [...this.made.keys()].filter((name) => !heardOf.has(name));
        if (lost.length > 0) {
            const why = this.failures.map(String).join("; ") || "nothing";
            throw new Error(`The engine never heard of ${lost.join(", ")}. What the SDK said to that: ${why}.`);
        }
    }
}
