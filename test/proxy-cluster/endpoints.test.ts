import assert from "node:assert/strict";
import * as k8s from "@kubernetes/client-node";
import { Machines } from "../cluster/virtual-machines";
import { podNic } from "../cluster/vm-objects";
import { instance, reserved, serviceOf, verdict } from "../core/service-proxy/endpoint-objects";
import { done, seen, testKubeconfig, until, useNamespace } from "../support/embedded-cluster";
import {
    endpointsIn,
    makePool,
    reserve,
    type RunningController,
    slicesOf,
    startController,
    untilEndpoints,
    vmService,
} from "./vm-service";

const red = { name: "red", nad: "red" };
const mergePatch = k8s.setHeaderOptions("Content-Type", "application/merge-patch+json");

/** Of a VM whose guest agent reports addresses on NIC red. */
const running = (app: string, ...addresses: string[]) => ({
    labels: { app },
    modes: { "guest-addresses": JSON.stringify({ red: addresses }) },
});

describe("the endpoint controller", function () {
    this.timeout(120_000);
    const namespace = useNamespace("endpoints");
    const machines = new Machines(namespace);
    const cleanups: (() => Promise<void>)[] = [];
    let controller: RunningController;

    before(async () => {
        controller = startController(await testKubeconfig(), { namespace: namespace.name });
        await machines.network("red");
    });

    after(async () => {
        await controller.stop();
        await Promise.all(cleanups.map(async (cleanup) => cleanup()));
    });

    const createService = async (name: string, spec: Partial<k8s.V1ServiceSpec> = {}): Promise<k8s.V1Service> =>
        namespace.clients.core.createNamespacedService({
            namespace: namespace.name,
            body: vmService(namespace.name, name, spec),
        });
    const discovery = (): k8s.DiscoveryV1Api => namespace.clients.config.makeApiClient(k8s.DiscoveryV1Api);
    const versionsOf = (slices: k8s.V1EndpointSlice[]): (string | undefined)[] =>
        slices.map(({ metadata }) => `${metadata?.uid ?? ""} ${metadata?.resourceVersion ?? ""}`);

    it("gives a Service the VMs of its labels, by reservation or by what the guest says, with their subnets", async () => {
        cleanups.push(await makePool(namespace, "web", "192.0.2.0/25"));
        const service = await createService("web");
        await untilEndpoints(namespace, "web", "to have an empty slice", (_, slices) => slices.length === 1);
        cleanups.push(await reserve(namespace, "web-a", "192.0.2.7", `${namespace.name}-web`));
        await machines.create("web-a", [podNic, red], running("web", "192.0.2.99"));
        await machines.create("web-b", [podNic, red], running("web", "192.0.2.8"));
        await machines.create("other", [podNic, red], running("db", "192.0.2.9"));
        await machines.ready("other");
        const nodes = await Promise.all(
            ["web-a", "web-b"].map(async (name) => (await machines.ready(name)).status?.nodeName),
        );
        const expected = [`web-a 192.0.2.7 ${nodes[0]} ready/serving`, `web-b 192.0.2.8 ${nodes[1]} ready/serving`];
        const slices = await untilEndpoints(
            namespace,
            "web",
            "to have both VMs",
            (endpoints) => endpoints.every((each, index) => each === expected[index]) && endpoints.length === 2,
        );
        assert.equal(slices.length, 1);
        const [{ metadata, ports, addressType, endpoints }] = slices as [k8s.V1EndpointSlice];
        assert.deepEqual(
            ports?.map(({ port, protocol }) => [port, protocol]),
            [[8080, "TCP"]],
        );
        assert.equal(addressType, "IPv4");
        assert.equal(metadata?.ownerReferences?.[0]?.uid, service.metadata?.uid);
        assert.equal(metadata?.annotations?.["vm.novasphere.dev/subnets"], "192.0.2.0/25");
        assert.equal(endpoints?.[0]?.targetRef?.uid, (await machines.vmi("web-a")).metadata?.uid);
    });

    it("keeps a VM that migrates at every moment, and follows its node", async () => {
        await createService("moving");
        await machines.create("moving", [podNic, red], running("moving", "192.0.2.20"));
        const { status } = await machines.ready("moving");
        await untilEndpoints(
            namespace,
            "moving",
            "to have its VM",
            ([first]) => first?.endsWith("ready/serving") === true,
        );
        const labelSelector = "kubernetes.io/service-name=moving";
        const { metadata } = await discovery().listNamespacedEndpointSlice({
            namespace: namespace.name,
            labelSelector,
        });
        const shown: string[][] = [];
        const watch = await new k8s.Watch(namespace.clients.config).watch(
            `/apis/discovery.k8s.io/v1/namespaces/${namespace.name}/endpointslices`,
            { labelSelector, resourceVersion: metadata?.resourceVersion },
            (_, slice: k8s.V1EndpointSlice) => shown.push(endpointsIn([slice])),
            () => undefined,
        );
        try {
            await machines.migrate("moving");
            await machines.migrated("moving");
            const { status: after } = await machines.vmi("moving");
            assert.notEqual(after?.nodeName, status?.nodeName);
            await until("the watch to tell of the new node", async () =>
                shown.at(-1)?.[0] === `moving 192.0.2.20 ${after?.nodeName} ready/serving` ? done(true) : seen(shown),
            );
        } finally {
            watch.abort();
        }
        assert.deepEqual(
            shown.filter((endpoints) => endpoints.length !== 1 || !endpoints[0]?.endsWith(" ready/serving")),
            [],
        );
    });

    it("lets a VM go with its NIC, takes it back, and lets it go when it is deleted", async () => {
        await createService("plugged");
        await machines.create("plugged", [podNic, red], running("plugged", "192.0.2.30"));
        await machines.ready("plugged");
        const some = (endpoints: string[]): boolean => endpoints.length === 1;
        const none = (endpoints: string[], slices: k8s.V1EndpointSlice[]): boolean =>
            endpoints.length === 0 && slices.length > 0;
        await untilEndpoints(namespace, "plugged", "to have its VM", some);
        await machines.setState("plugged", "red", "absent");
        await untilEndpoints(namespace, "plugged", "to have lost its VM", none);
        await machines.gone("plugged", "red");
        await machines.plug("plugged", red);
        await untilEndpoints(namespace, "plugged", "to have its VM again", some);
        await machines.delete("plugged");
        await untilEndpoints(namespace, "plugged", "to have lost its VM for good", none);
    });

    it("follows reservations and pools that come and go, and the Service's own choice of VMs", async () => {
        await createService("fickle");
        await machines.create("fickle", [podNic, red], running("fickle", "198.51.100.8"));
        const subnets = (slices: k8s.V1EndpointSlice[]): string | undefined =>
            slices[0]?.metadata?.annotations?.["vm.novasphere.dev/subnets"];
        const isAt = (address: string) => (endpoints: string[]) => endpoints[0]?.split(" ")[1] === address;
        const reported = await untilEndpoints(namespace, "fickle", "to have what is reported", isAt("198.51.100.8"));
        assert.equal(subnets(reported), "198.51.100.8/32");
        const giveBack = await reserve(namespace, "fickle", "198.51.100.7");
        await untilEndpoints(namespace, "fickle", "to have what is reserved", isAt("198.51.100.7"));
        const removePool = await makePool(namespace, "fickle", "198.51.100.0/24");
        await untilEndpoints(
            namespace,
            "fickle",
            "to know the subnet",
            (_, slices) => subnets(slices) === "198.51.100.0/24",
        );
        await removePool();
        await untilEndpoints(namespace, "fickle", "to forget it", (_, slices) => subnets(slices) === "198.51.100.7/32");
        await giveBack();
        await untilEndpoints(namespace, "fickle", "to have what is reported again", isAt("198.51.100.8"));
        const choose = async (selector: string): Promise<unknown> =>
            namespace.clients.core.patchNamespacedService(
                {
                    ...{ namespace: namespace.name, name: "fickle" },
                    body: { metadata: { annotations: { "vm.novasphere.dev/vm-selector": selector } } },
                },
                mergePatch,
            );
        await choose("app=nobody");
        await untilEndpoints(
            namespace,
            "fickle",
            "to have no VM",
            (endpoints, slices) => endpoints.length + 1 === slices.length,
        );
        await choose("app=fickle,kubevirt.io/vm=fickle");
        await untilEndpoints(namespace, "fickle", "to have its VM", isAt("198.51.100.8"));
    });

    it("serves both families where the Service has them, each in a slice of its own", async () => {
        // A headless Service without selector has both families in any cluster.
        await createService("dual", { clusterIP: "None" });
        await machines.create("dual", [podNic, red], running("dual", "192.0.2.40", "2001:db8::40", "fe80::40"));
        const slices = await untilEndpoints(namespace, "dual", "to have two", (endpoints) => endpoints.length === 2);
        assert.deepEqual(slices.map(({ addressType, endpoints }) => [addressType, endpoints?.[0]?.addresses]).sort(), [
            ["IPv4", ["192.0.2.40"]],
            ["IPv6", ["2001:db8::40"]],
        ]);
    });

    it("writes nothing that is as it should be: neither on what does not matter, nor after a restart", async () => {
        await createService("still");
        await machines.create("still", [podNic, red], running("still", "192.0.2.50"));
        await machines.ready("still");
        const [{ metadata }] = (await untilEndpoints(
            namespace,
            "still",
            "to have its VM",
            ([first]) => first?.endsWith("ready/serving") === true,
        )) as [k8s.V1EndpointSlice];
        const before = versionsOf(await slicesOf(namespace, "still"));
        await namespace.clients.custom.patchNamespacedCustomObject(
            {
                ...{ group: "kubevirt.io", version: "v1", namespace: namespace.name },
                ...{
                    plural: "virtualmachineinstances",
                    name: "still",
                    body: { metadata: { annotations: { note: "x" } } },
                },
            },
            mergePatch,
        );
        // What comes later has been seen once its slice is there.
        await createService("later");
        await untilEndpoints(namespace, "later", "to have a slice", (_, slices) => slices.length === 1);
        assert.deepEqual(versionsOf(await slicesOf(namespace, "still")), before, metadata?.name);
        await controller.stop();
        controller = startController(await testKubeconfig(), { namespace: namespace.name });
        await createService("last");
        await untilEndpoints(namespace, "last", "to have a slice", (_, slices) => slices.length === 1);
        assert.deepEqual(versionsOf(await slicesOf(namespace, "still")), before);
        assert.deepEqual(
            controller.log.filter(({ service = "" }) => !["", `${namespace.name}/last`].includes(String(service))),
            [],
        );
    });

    it("mends what somebody has edited, and leaves what others made", async () => {
        await createService("mended");
        const [slice] = await untilEndpoints(
            namespace,
            "mended",
            "to have a slice",
            (_, slices) => slices.length === 1,
        );
        const foreign = await discovery().createNamespacedEndpointSlice({
            namespace: namespace.name,
            body: {
                metadata: { name: "foreign", labels: { "kubernetes.io/service-name": "mended" } },
                ...{ addressType: "IPv4", ports: [{ port: 1 }], endpoints: [{ addresses: ["192.0.2.60"] }] },
            },
        });
        await discovery().patchNamespacedEndpointSlice(
            {
                ...{ namespace: namespace.name, name: slice?.metadata?.name ?? "" },
                body: { endpoints: [{ addresses: ["192.0.2.66"] }], metadata: { labels: { mine: "kept" } } },
            },
            mergePatch,
        );
        const slices = await untilEndpoints(
            namespace,
            "mended",
            "to be mended",
            (endpoints) => !endpoints.join().includes(".66"),
        );
        const mended = slices.find(({ metadata }) => metadata?.name === slice?.metadata?.name);
        assert.equal(mended?.metadata?.labels?.["mine"], "kept");
        const untouched = slices.find(({ metadata }) => metadata?.name === "foreign");
        assert.equal(untouched?.metadata?.resourceVersion, foreign.metadata?.resourceVersion);
    });

    it("agrees with the API server on the addresses that a slice may hold", async () => {
        const judged: [string, boolean, boolean][] = [];
        for (const address of [
            ...["0.0.0.0", "127.0.0.1", "127.255.0.1", "169.254.0.1", "169.255.0.1", "224.0.0.1", "224.0.1.1"],
            ...["239.1.1.1", "240.0.0.1", "255.255.255.255", "192.0.2.1", "10.0.0.0"],
            ...["::", "::1", "::2", "fe80::1", "febf::1", "fec0::1", "ff02::1", "ff05::1", "2001:db8::1", "fd00::1"],
        ]) {
            const isIPv6 = address.includes(":");
            const body: k8s.V1EndpointSlice = {
                metadata: { name: "tried" },
                ...{ addressType: isIPv6 ? "IPv6" : "IPv4", endpoints: [{ addresses: [address] }], ports: [] },
            };
            const accepted = await discovery()
                .createNamespacedEndpointSlice({ namespace: namespace.name, body, dryRun: "All" })
                .then(
                    () => true,
                    (error: unknown) => {
                        assert.equal((error as k8s.ApiException<string>).code, 422);
                        return false;
                    },
                );
            const { endpoints } = verdict(
                instance("web", { addresses: [] }),
                serviceOf({ ipFamilies: ["IPv4", "IPv6"] }),
                {
                    reservations: [reserved("web", address)],
                },
            );
            judged.push([address, accepted, endpoints.length === 1]);
        }
        // Nothing that the API server refuses; what it takes and is nobody's own address may be left out.
        assert.deepEqual(
            judged.filter(([, accepted, taken]) => taken && !accepted),
            [],
        );
        assert.deepEqual(
            judged.filter(([, accepted, taken]) => accepted && !taken).map(([address]) => address),
            ["224.0.1.1", "239.1.1.1", "ff05::1"],
        );
    });

    it("takes its slices away from a Service that is no longer in front of VMs", async () => {
        await createService("left");
        await untilEndpoints(namespace, "left", "to have a slice", (_, slices) => slices.length === 1);
        await namespace.clients.core.patchNamespacedService(
            {
                ...{ namespace: namespace.name, name: "left" },
                body: {
                    metadata: {
                        annotations: { "vm.novasphere.dev/network": null, "vm.novasphere.dev/vm-selector": null },
                    },
                },
            },
            mergePatch,
        );
        await untilEndpoints(namespace, "left", "to have no slice", (_, slices) => slices.length === 0);
    });

    it("takes away the slices of a Service that was deleted while nobody looked, without the garbage collector", async () => {
        await createService("orphaned");
        const [slice] = await untilEndpoints(
            namespace,
            "orphaned",
            "to have a slice",
            (_, slices) => slices.length === 1,
        );
        await controller.stop();
        await discovery().patchNamespacedEndpointSlice(
            {
                ...{ namespace: namespace.name, name: slice?.metadata?.name ?? "" },
                body: { metadata: { ownerReferences: null } },
            },
            mergePatch,
        );
        await namespace.clients.core.deleteNamespacedService({ namespace: namespace.name, name: "orphaned" });
        assert.equal((await slicesOf(namespace, "orphaned")).length, 1);
        controller = startController(await testKubeconfig(), { namespace: namespace.name });
        await untilEndpoints(namespace, "orphaned", "to have no slice", (_, slices) => slices.length === 0);
    });
});
