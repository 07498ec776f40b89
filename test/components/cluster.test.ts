import assert from "node:assert/strict";
import * as kubernetes from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import { Cluster, IPPool, IPReservation, Network, ServiceExposure } from "../../index";
import { deploy, find, namesOf, virtualMachine, type Registered } from "./deploy";

const KUBECONFIG = "apiVersion: v1\nkind: Config\nusers: [{ name: me, user: { token: hunter2 } }]\n";

/** A program with each noun of the package, all of one cluster. */
function everything(cluster?: Cluster, opts: pulumi.ComponentResourceOptions = {}): void {
    const of = cluster ? { cluster } : {};
    const network = new Network("lan", { type: "bridge", ...of }, opts);
    const pool = new IPPool("lan-pool", { cidr: "10.0.0.0/24", ...of }, opts);
    new IPReservation("spare", { pool, ...of });
    new ServiceExposure("shared", { selector: { tier: "front" }, ports: [{ port: 80 }], ...of }, opts);
    virtualMachine(
        {
            ...of,
            networks: [
                { name: "eth0", type: "pod", serviceExposure: { ports: [{ port: 22 }] } },
                { name: "eth1", type: "bridge", network, ipConfig: { mode: "static", ipPool: pool } },
                { name: "eth2", type: "bridge" },
            ],
        },
        opts,
    );
}

const objects = (registered: readonly Registered[]): Registered[] =>
    registered.filter(({ type }) => type.startsWith("kubernetes:"));
const dynamic = (registered: readonly Registered[]): Registered[] =>
    registered.filter(({ type }) => type.startsWith("pulumi-nodejs:dynamic/wukong:"));

/** The distinct values of a field. */
function each(registered: readonly Registered[], field: (resource: Registered) => unknown): unknown[] {
    return [...new Set(registered.map((resource) => JSON.stringify(field(resource))))].map((text) => JSON.parse(text));
}

describe("the cluster that a program acts on", () => {
    it("has one kubernetes provider, made to adopt what a killed update left and to change Secrets in place", async () => {
        const { registered } = await deploy(() => everything());
        const providers = registered.filter(({ type }) => type === "pulumi:providers:kubernetes");
        assert.deepEqual(
            providers.map(({ name }) => name),
            ["default-cluster"],
        );
        assert.deepEqual(providers[0]?.inputs, { upsertExistingObjects: "true", enableSecretMutable: "true" });
    });

    it("is one for Kubernetes objects and live resources alike", async () => {
        const { registered } = await deploy(() => {
            everything(new Cluster("edge", { kubeconfig: KUBECONFIG, context: "site-2" }));
        });
        assert.deepEqual(namesOf(registered, "Cluster"), ["edge"], "no default cluster beside it");
        const { inputs } = find(registered, "kubernetes", "edge");
        assert.deepEqual(inputs.kubeconfig, { secret: KUBECONFIG });
        assert.equal(inputs.context, "site-2");
        assert.deepEqual(
            each(objects(registered), ({ provider }) => provider),
            ["edge"],
        );
        assert.deepEqual(each(dynamic(registered), connectionOf), [
            { kubeconfig: { secret: KUBECONFIG }, context: "site-2" },
        ]);
    });

    it("keeps no kubeconfig in the state where the program hands none over", async () => {
        const { registered } = await deploy(() => everything());
        assert.deepEqual(each(dynamic(registered), connectionOf), [{}]);
    });

    it("is that of the stack configuration, as for the kubernetes provider's default one", async () => {
        const config = { "kubernetes:kubeconfig": KUBECONFIG, "kubernetes:context": "site-3" };
        const { registered } = await deploy(() => everything(), { config });
        assert.deepEqual(each(dynamic(registered), connectionOf), [
            { kubeconfig: { secret: KUBECONFIG }, context: "site-3" },
        ]);
        assert.deepEqual(find(registered, "kubernetes", "default-cluster").inputs.kubeconfig, { secret: KUBECONFIG });
    });

    it("is made for each stack, though one process runs several, one after the other", async () => {
        for (let run = 1; run <= 2; run += 1) {
            const { registered } = await deploy(() => virtualMachine());
            assert.deepEqual(namesOf(registered, "Cluster"), ["default-cluster"]);
            assert.equal(find(registered, "Cluster", "default-cluster").parent, "shop-dev");
        }
    });

    it("gets its objects through opts.provider where that is given", async () => {
        const { registered } = await deploy(() => {
            everything(undefined, { provider: new kubernetes.Provider("mine", { kubeconfig: KUBECONFIG }) });
        });
        assert.deepEqual(
            each(objects(registered), ({ provider }) => provider),
            ["mine"],
        );
    });

    it("does not ask for permissions on objects that another provider writes, maybe as another user", async () => {
        const { registered } = await deploy(() => {
            const provider = new kubernetes.Provider("mine", {});
            virtualMachine({}, { provider });
            virtualMachine({}, {}, "db");
        });
        const asks = (nic: string): unknown => find(registered, "NetworkInterface", nic).inputs.writesObjects;
        assert.equal(asks("web-vm-eth0"), undefined);
        assert.equal(asks("db-vm-eth0"), true);
    });

    it("is told which run is a preview, for what a check may put up with then", async () => {
        for (const preview of [true, false]) {
            const { registered } = await deploy(() => virtualMachine(), { preview });
            const marked = find(registered, "NetworkGuard", "web-vm-eth1-guard").inputs.preview;
            assert.equal(marked, preview ? true : undefined);
        }
    });

    it("hands protect on to what a component makes", async () => {
        const { registered } = await deploy(() => virtualMachine({}, { protect: true }));
        const children = registered.filter(({ custom, type }) => custom && type !== "pulumi:providers:kubernetes");
        assert.deepEqual(
            each(children, ({ protect }) => protect),
            [true],
        );
    });
});

function connectionOf({ inputs }: Registered): unknown {
    // The connection as a whole may be the secret, or the kubeconfig in it.
    const connection = inputs.connection.secret ?? inputs.connection;
    const kubeconfig = inputs.connection.secret ? { secret: connection.kubeconfig } : connection.kubeconfig;
    return { ...connection, ...(connection.kubeconfig !== undefined && { kubeconfig }) };
}
