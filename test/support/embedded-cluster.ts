import * as fs from "node:fs";
import * as path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import * as k8s from "@kubernetes/client-node";
import { after, before } from "mocha";
import { loadKubeConfig } from "../../cluster/connection";
import { type EmbeddedCluster, startCluster } from "../../scripts/embedded-cluster/cluster";
import { type KubeVirtRelease, kubeVirtReleases } from "../../scripts/embedded-cluster/commands";

/** A user that a test cluster has a kubeconfig for; `reader` may get, list and watch, `nobody` may do nothing. */
export type TestUser = "admin" | "reader" | "nobody" | "virt-handler";

/** The release of KubeVirt that the cluster under test has: $WUKONG_TEST_KUBEVIRT, or 1.6 where that is not set. */
export const kubeVirtRelease = releaseUnderTest();

function releaseUnderTest(): KubeVirtRelease {
    const wanted = process.env["WUKONG_TEST_KUBEVIRT"] ?? kubeVirtReleases[0];
    const release = kubeVirtReleases.find((each) => each === wanted);
    if (release === undefined) {
        throw new Error(`WUKONG_TEST_KUBEVIRT is ${wanted}; it must be one of ${kubeVirtReleases.join(", ")}.`);
    }
    return release;
}

let own: Promise<EmbeddedCluster> | undefined;

/**
 * The path of a user's kubeconfig for the cluster that tests run against: the one beside $WUKONG_TEST_KUBECONFIG, or
 * where that is not set, of a cluster started once for this process and stopped after its last test. A cluster given
 * must have the release of KubeVirt that $WUKONG_TEST_KUBEVIRT says.
 */
export async function testKubeconfig(user: TestUser = "admin"): Promise<string> {
    const given = process.env["WUKONG_TEST_KUBECONFIG"];
    if (given === undefined || given === "") {
        own ??= startCluster({ kubeVirt: kubeVirtRelease });
    }
    const admin = own === undefined ? path.resolve(given ?? "") : (await own).kubeconfig;
    const file = user === "admin" ? admin : path.join(path.dirname(admin), user);
    if (!fs.existsSync(file)) {
        throw new Error(`There is no kubeconfig of ${user} beside ${admin}, as an embedded cluster has.`);
    }
    return file;
}

after("stop the cluster of these tests", async function () {
    this.timeout(60_000);
    await (await own)?.stop();
});

/** The Kubernetes clients tests use. */
export interface TestClients {
    readonly config: k8s.KubeConfig;
    readonly core: k8s.CoreV1Api;
    readonly custom: k8s.CustomObjectsApi;
    readonly objects: k8s.KubernetesObjectApi;
}

/** Clients of a user of the test cluster. */
export async function testClients(user: TestUser = "admin"): Promise<TestClients> {
    return clientsOf(await testKubeconfig(user));
}

/** Clients by a kubeconfig. */
export function clientsOf(kubeconfig: string): TestClients {
    // Shares connections among requests, as the library's own KubeConfig does not.
    const config = loadKubeConfig({ kubeconfig });
    return {
        config,
        core: config.makeApiClient(k8s.CoreV1Api),
        custom: config.makeApiClient(k8s.CustomObjectsApi),
        objects: k8s.KubernetesObjectApi.makeApiClient(config),
    };
}

/** A namespace of a test suite, usable once the suite's tests run. */
export interface TestNamespace {
    readonly name: string;
    readonly clients: TestClients;
}

let namespaces = 0;

/** Makes a namespace before the tests of the suite it is called in, and removes it with all it holds after them. */
export function useNamespace(prefix: string): TestNamespace {
    namespaces += 1;
    const name = `${prefix}-${process.pid}-${namespaces}`;
    let clients: TestClients | undefined;
    before(`make the namespace ${name}`, async function () {
        this.timeout(180_000);
        clients = await testClients();
        await clients.core.createNamespace({ body: { metadata: { name } } });
    });
    after(`remove the namespace ${name}`, async function () {
        this.timeout(150_000);
        await removeMachines(name, clients);
        await clients?.core.deleteNamespace({ name });
        await until(
            `the namespace ${name} to be gone`,
            async () => {
                const found = await orUndefined(clients?.core.readNamespace({ name }));
                return found === undefined ? done(true) : seen(found.status);
            },
            75_000,
        );
    });
    return {
        name,
        get clients() {
            if (clients === undefined) {
                throw new Error("A suite's namespace can be used by its tests only.");
            }
            return clients;
        },
    };
}

/**
 * Removes the VMs of a namespace with their pods. Where the namespace's own removal meets a pod, it looks again only after
 * half of that pod's grace period, so this saves each suite a quarter of a minute.
 */
async function removeMachines(namespace: string, clients: TestClients | undefined): Promise<void> {
    const machines = { group: "kubevirt.io", version: "v1", namespace, plural: "virtualmachines" };
    await clients?.custom.deleteCollectionNamespacedCustomObject(machines);
    await until(
        `the pods of the VMs of ${namespace} to be gone`,
        async () => {
            const labelSelector = "kubevirt.io=virt-launcher";
            const { items } = (await clients?.core.listNamespacedPod({ namespace, labelSelector })) ?? { items: [] };
            return items.length === 0 ? done(true) : seen(items.map(({ metadata, status }) => [metadata, status]));
        },
        60_000,
    );
}

/** What a probe of `until` found: the value waited for, or what there is instead. */
export type Probe<T> = { readonly value: T } | { readonly seen: unknown };

export const done = <T>(value: T): Probe<T> => ({ value });
export const seen = (what: unknown): Probe<never> => ({ seen: what });

/** Asks until a probe is done, and fails at the deadline with what it saw last. */
export async function until<T>(what: string, probe: () => Promise<Probe<T>>, timeoutMs = 30_000): Promise<T> {
    const deadline = Date.now() + timeoutMs;
    for (;;) {
        const result = await probe();
        if ("value" in result) {
            return result.value;
        }
        if (Date.now() > deadline) {
            throw new Error(
                `Waited ${timeoutMs / 1000} s for ${what}; last seen: ${JSON.stringify(result.seen, undefined, 2)}`,
            );
        }
        await delay(20);
    }
}

/** The result of a read, or undefined where the object does not exist. */
export async function orUndefined<T>(read: Promise<T> | undefined): Promise<T | undefined> {
    try {
        return await read;
    } catch (error) {
        if (error instanceof k8s.ApiException && error.code === 404) {
            return undefined;
        }
        throw error;
    }
}
