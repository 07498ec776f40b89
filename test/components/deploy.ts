import { AsyncLocalStorage } from "node:async_hooks";
import * as pulumi from "@pulumi/pulumi";
import type { RegisterResourceRequest } from "@pulumi/pulumi/proto/resource_pb";
import { MockMonitor } from "@pulumi/pulumi/runtime/mocks";
import * as state from "@pulumi/pulumi/runtime/state";
import { VirtualMachine, type VirtualMachineArgs } from "../../index";

/** What is taken apart by the test that knows its shape. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type Loose = any;

/** A resource as the program registered it with the engine. */
export interface Registered {
    readonly type: string;
    readonly name: string;
    readonly custom: boolean;
    /** Name of the parent; empty for the stack itself. */
    readonly parent: string;
    /** Secrets stand for `{ secret: value }`, what is not known for `UNKNOWN`. */
    readonly inputs: Record<string, Loose>;
    /** Names of what it depends on, by options or by inputs. */
    readonly dependencies: string[];
    readonly deletedWith: string;
    readonly ignoreChanges: string[];
    readonly protect: boolean;
    /** Name of the explicit provider; empty for the default one. */
    readonly provider: string;
}

/** What stands for a value that is not known in a preview. */
export const UNKNOWN = "(not known)";

export interface Deployment<T> {
    readonly registered: readonly Registered[];
    readonly value: T;
}

export interface DeployOptions {
    /** @default false */
    readonly preview?: boolean;
    /** Stack configuration by full key. */
    readonly config?: Record<string, string>;
    /** What providers know beside the inputs, by the resource's name; in a preview what is not here is unknown. */
    readonly outputs?: Record<string, Record<string, unknown>>;
}

/** The requests of the program that runs: mocks are told the inputs of a resource, its options are here alone. */
const requests = new AsyncLocalStorage<RegisterResourceRequest[]>();

// eslint-disable-next-line @typescript-eslint/unbound-method -- called below with its own `this`
const register = MockMonitor.prototype.registerResource;
MockMonitor.prototype.registerResource = async function (request: RegisterResourceRequest, callback) {
    requests.getStore()?.push(request);
    return register.call(this, request, callback);
};

const { withLocalStorage } = state as unknown as { withLocalStorage: <R>(body: () => R) => R };

/** Runs a program of one stack against mocks, apart from whatever else this process runs. */
export async function deploy<T>(program: () => T, options: DeployOptions = {}): Promise<Deployment<T>> {
    const seen: RegisterResourceRequest[] = [];
    const value = await requests.run(seen, () => withLocalStorage(() => run(program, options)));
    return { registered: seen.map(registered), value };
}

/** What a program is refused with, and what it registered before that. */
export async function refusalOf(program: () => unknown): Promise<{ error: Error; registered: Registered[] }> {
    const seen: RegisterResourceRequest[] = [];
    try {
        await requests.run(seen, () => withLocalStorage(() => run(program, {})));
    } catch (error) {
        return { error: error as Error, registered: seen.map(registered) };
    }
    throw new Error("The program was not refused.");
}

async function run<T>(program: () => T, { preview = false, config = {}, outputs = {} }: DeployOptions): Promise<T> {
    const mocks: pulumi.runtime.Mocks = {
        newResource: ({ name, inputs, custom }) => ({
            id: custom ? `${name}-id` : undefined,
            state: { ...inputs, ...outputs[name] },
        }),
        call: ({ inputs }) => inputs,
    };
    await pulumi.runtime.setMocks(mocks, "shop", "dev", preview, "acme");
    pulumi.runtime.setAllConfig(config);
    let value: { it: T } | undefined;
    await pulumi.runtime.runInPulumiStack(async () => {
        value = { it: program() };
        return Promise.resolve({});
    });
    await pulumi.runtime.disconnect();
    return value!.it;
}

function registered(request: RegisterResourceRequest): Registered {
    return {
        type: request.getType(),
        name: request.getName(),
        custom: request.getCustom(),
        parent: nameOf(request.getParent()),
        inputs: readable(request.getObject()?.toJavaScript() ?? {}) as Record<string, unknown>,
        dependencies: request.getDependenciesList().map(nameOf).sort(),
        deletedWith: nameOf(request.getDeletedwith()),
        ignoreChanges: request.getIgnorechangesList(),
        protect: request.getProtect() === true,
        provider: nameOf(request.getProvider().replace(/::[^:]*$/, "")),
    };
}

function nameOf(urn: string): string {
    return urn.split("::").at(-1) ?? "";
}

/** The engine's notation of secrets and unknown values (sdk/nodejs/runtime/rpc.ts) in a readable form. */
function readable(value: unknown): unknown {
    if (value === pulumi.runtime.unknownValue) {
        return UNKNOWN;
    }
    if (Array.isArray(value)) {
        return value.map(readable);
    }
    if (typeof value !== "object" || value === null) {
        return value;
    }
    if (pulumi.runtime.isRpcSecret(value)) {
        return { secret: readable(pulumi.runtime.unwrapRpcSecret(value)) };
    }
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, readable(each)]));
}

/** A VM with a pod NIC and a bridge NIC, unless `args` say otherwise. */
export function virtualMachine(
    args: Partial<VirtualMachineArgs> = {},
    opts?: pulumi.ComponentResourceOptions,
    name = "web",
): VirtualMachine {
    const networks: VirtualMachineArgs["networks"] = [
        { name: "eth0", type: "pod" },
        { name: "eth1", type: "bridge" },
    ];
    return new VirtualMachine(name, { cpu: 2, memory: "4Gi", networks, ...args }, opts);
}

/** The one resource of a name and a noun, such as `VirtualMachine` or `Service`. */
export function find(registered: readonly Registered[], noun: string, name: string): Registered {
    const found = registered.filter((each) => each.name === name && each.type.split(":").at(-1) === noun);
    if (found.length !== 1) {
        const all = registered.map((each) => `${each.type} ${each.name}`).join("\n");
        throw new Error(`There are ${found.length} of ${noun} ${name} among\n${all}`);
    }
    return found[0]!;
}

/** Names of the resources of a noun. */
export function namesOf(registered: readonly Registered[], noun: string): string[] {
    return registered.filter(({ type }) => type.split(":").at(-1) === noun).map(({ name }) => name);
}
