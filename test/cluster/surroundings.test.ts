import * as assert from "node:assert/strict";
import * as https from "node:https";
import * as k8s from "@kubernetes/client-node";
import { describe, it } from "mocha";
import { done, orUndefined, seen, until, useNamespace } from "../support/embedded-cluster";
import { Machines } from "./virtual-machines";
import { podNic, status } from "./vm-objects";

describe("what surrounds a VM", function () {
    this.timeout(60_000);
    const namespace = useNamespace("surroundings");
    const machines = new Machines(namespace);

    it("gives the Service of a VM its pod as a ready endpoint", async () => {
        await namespace.clients.core.createNamespacedService({
            namespace: namespace.name,
            body: {
                metadata: { name: "served" },
                spec: {
                    type: "NodePort",
                    selector: { "kubevirt.io/vm": "served" },
                    ports: [{ port: 80, targetPort: 8080 }],
                },
            },
        });
        await machines.run("served", [podNic]);
        const discovery = namespace.clients.config.makeApiClient(k8s.DiscoveryV1Api);
        const endpoint = await until("a ready endpoint", async () => {
            const slices = await discovery.listNamespacedEndpointSlice({
                namespace: namespace.name,
                labelSelector: "kubernetes.io/service-name=served",
            });
            const found = slices.items.flatMap((slice) => slice.endpoints ?? []);
            return found[0]?.conditions?.ready === true ? done(found[0]) : seen(found);
        });
        const vmi = await machines.vmi("served");
        assert.deepEqual(endpoint.addresses, [status(vmi, "default")?.ipAddress]);
        await machines.delete("served");
        await until("the endpoint to be gone", async () => {
            const slices = await discovery.listNamespacedEndpointSlice({
                namespace: namespace.name,
                labelSelector: "kubernetes.io/service-name=served",
            });
            const left = slices.items.flatMap((slice) => slice.endpoints ?? []);
            return left.length === 0 ? done(true) : seen(left);
        });
    });

    it("gives each VM an address of its own, on the same node too", async () => {
        const names = ["first", "second", "third"]; // one more than there are nodes
        await Promise.all(names.map((name) => machines.run(name, [podNic])));
        const vmis = await Promise.all(names.map((name) => machines.vmi(name)));
        assert.ok(new Set(vmis.map((vmi) => vmi.status?.nodeName)).size < names.length);
        assert.equal(new Set(vmis.map((vmi) => status(vmi, "default")?.ipAddress)).size, names.length);
    });

    it("has nodes whose heartbeat virt-controller can read", async () => {
        const { items } = await namespace.clients.core.listNode();
        assert.ok(items.length > 1);
        for (const { metadata } of items) {
            const heartbeat = metadata?.annotations?.["kubevirt.io/heartbeat"] ?? "";
            // virt-controller puts quotes around it and reads that as JSON, then as RFC 3339 (watch/node/node.go).
            const read: unknown = JSON.parse(`"${heartbeat}"`);
            assert.ok(Math.abs(Date.now() - Date.parse(String(read))) < 5 * 60_000, heartbeat);
        }
    });

    it("restarts and stops a VM by the subresources", async () => {
        await machines.run("cycle", [podNic]);
        const before = (await machines.vmi("cycle")).metadata?.uid;
        await subresource("cycle", "restart");
        await machines.untilVmi(
            "cycle",
            "to be another one",
            (vmi) => vmi.metadata?.uid !== before && vmi.status?.phase === "Running",
        );
        await subresource("cycle", "stop");
        await until("the VMI to be gone", async () => {
            const vmi = await orUndefined(machines.vmi("cycle"));
            return vmi === undefined ? done(true) : seen(vmi.status);
        });
    });

    /** Calls a subresource, which answers 202 without a body that the generated client could read. */
    async function subresource(name: string, action: string): Promise<void> {
        const { config } = namespace.clients;
        const url = new URL(
            `${config.getCurrentCluster()?.server}/apis/subresources.kubevirt.io/v1/namespaces/${namespace.name}/virtualmachines/${name}/${action}`,
        );
        const options: https.RequestOptions = { method: "PUT" };
        await config.applyToHTTPSOptions(options);
        const status = await new Promise((resolve, reject) => {
            const request = https.request(url, options, (response) => {
                response.resume();
                response.on("end", () => resolve(response.statusCode));
            });
            request.on("error", reject);
            request.end("{}");
        });
        assert.equal(status, 202);
    }
});
