import { randomBytes } from "node:crypto";
import { inspect } from "node:util";

import * as k8s from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import type { PulumiFn } from "@pulumi/pulumi/automation";

import { type Manifest, type Reference, TestCluster } from "./cluster";
import { DirectProvider, type DirectSettings } from "./direct";
import { TestStack } from "./stack";
import { defineKind, definitionOf, type WidgetKind } from "./widgets";

/** What one suite has to itself: a namespace, a custom kind, and stacks and providers that are gone after each test. */
export class Fixture {
    cluster!: TestCluster;
    namespace!: string;
    widget!: WidgetKind;
    private readonly ends: (() => Promise<void>)[] = [];

    async open(): Promise<void> {
        this.cluster = new TestCluster();
        this.namespace = await this.cluster.makeNamespace();
        this.widget = await defineKind(this.cluster, `Widget${randomBytes(3).toString("hex")}`);
    }

    async close(): Promise<void> {
        await this.cluster.removeNamespaces();
        await this.cluster.delete(definitionOf(this.widget.kind));
    }

    async cleanUp(): Promise<void> {
        for (const end of this.ends.splice(0).reverse()) {
            await end();
        }
    }

    /** A new stack; `environment` is what the provider sees. */
    async stack(environment?: Record<string, string>): Promise<TestStack> {
        const stack = await TestStack.create(environment);
        this.ends.push(() => stack.remove());
        return stack;
    }

    /** A program whose resources go through an explicit provider for the cluster. */
    program(body: (options: pulumi.CustomResourceOptions) => unknown, args: k8s.ProviderArgs = {}): PulumiFn {
        return () => {
            const provider = new k8s.Provider("cluster", { kubeconfig: this.cluster.kubeconfig, ...args });
            body({ provider });
            return Promise.resolve();
        };
    }

    /** The provider spoken to without the engine. */
    async direct(settings: DirectSettings = {}): Promise<DirectProvider> {
        const provider = await DirectProvider.start({ kubeconfig: this.cluster.kubeconfig, ...settings });
        this.ends.push(() => provider.stop());
        return provider;
    }

    /** A Widget of the suite's namespace. */
    widgetNamed(name: string, spec: object = { size: 1 }): Manifest & { spec: object } {
        return { ...this.widget, metadata: { name, namespace: this.namespace }, spec };
    }

    core(kind: string, name: string): Reference {
        return { apiVersion: "v1", kind, metadata: { name, namespace: this.namespace } };
    }
}

/** Registers the hooks of a suite. */
export function useFixture(): Fixture {
    const fixture = new Fixture();
    before(() => fixture.open());
    afterEach(() => fixture.cleanUp());
    after(() => fixture.close());
    return fixture;
}

/** The message a promise fails with. */
export async function failureOf(promise: Promise<unknown>): Promise<string> {
    let result: unknown;
    try {
        result = await promise;
    } catch (error) {
        return error instanceof Error ? error.message : String(error);
    }
    throw new Error(`expected a failure, but it came to ${inspect(result, { depth: 6 })}`);
}
