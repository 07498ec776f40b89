import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { KubeConfig } from "@kubernetes/client-node";
import { ClusterClient } from "../../cluster/client";
import { readForeignUse } from "../../cluster/ipam/foreign-use";
import { CONFLICT_SOURCES } from "../../core/pool-conflicts";

const scope = { networks: new Set(["prod/lan"]), isOwn: () => false };

describe("reading who uses addresses", () => {
    let server: Server | undefined;
    let requests: string[];

    /** A client of a server that has these items in each list, by path. */
    async function clientOf(items: Record<string, object[]>, status = 200): Promise<ClusterClient> {
        requests = [];
        const listening = createServer((request, response) => {
            requests.push(request.url ?? "");
            response.writeHead(status, { "content-type": "application/json" });
            response.end(JSON.stringify({ metadata: {}, items: items[request.url ?? ""] ?? [] }));
        });
        server = listening;
        await new Promise<void>((resolve) => listening.listen(0, "127.0.0.1", resolve));
        const config = new KubeConfig();
        const { port } = listening.address() as AddressInfo;
        config.loadFromClusterAndUser(
            { name: "c", server: `http://127.0.0.1:${port}`, skipTLSVerify: true },
            { name: "u", token: "t" },
        );
        return new ClusterClient(config);
    }

    async function close(): Promise<void> {
        server?.closeAllConnections();
        await new Promise((resolve) => (server ? server.close(resolve) : resolve(undefined)));
        server = undefined;
    }

    afterEach(close);

    it("asks for each list of the sources once, for the whole cluster", async () => {
        await readForeignUse(await clientOf({}), [...CONFLICT_SOURCES, "Nodes"], scope);
        assert.deepEqual(requests.sort(), [
            "/api/v1/nodes",
            "/api/v1/services",
            "/apis/kubevirt.io/v1/virtualmachineinstances",
            "/apis/kubevirt.io/v1/virtualmachines",
            "/apis/networking.k8s.io/v1/servicecidrs",
            "/apis/whereabouts.cni.cncf.io/v1alpha1/ippools",
            "/apis/whereabouts.cni.cncf.io/v1alpha1/overlappingrangeipreservations",
        ]);
    });

    it("asks for nothing where no source is to be read", async () => {
        await readForeignUse(await clientOf({}), [], scope);
        assert.deepEqual(requests, []);
    });

    it("takes a kind that the cluster does not know for unused [case 55]", async () => {
        const use = await readForeignUse(await clientOf({}, 404), CONFLICT_SOURCES, scope);
        assert.deepEqual(use, { addresses: [], networks: [], unreadable: [] });
    });

    it("tells what a cluster that cannot be reached leaves unread [case 55]", async () => {
        const client = await clientOf({});
        await close();
        const { unreadable } = await readForeignUse(client, ["Nodes"], scope);
        assert.equal(unreadable.length, 1);
        assert.match(unreadable[0]?.sentence ?? "", /^cannot list nodes: The cluster at .* did not answer GET /);
    });

    it("bears objects without spec and status", async () => {
        const bare = [{ metadata: { name: "bare", namespace: "prod" } }];
        const use = await readForeignUse(
            await clientOf({
                "/api/v1/nodes": bare,
                "/api/v1/services": bare,
                "/apis/kubevirt.io/v1/virtualmachineinstances": bare,
                "/apis/kubevirt.io/v1/virtualmachines": bare,
                "/apis/networking.k8s.io/v1/servicecidrs": bare,
                "/apis/whereabouts.cni.cncf.io/v1alpha1/ippools": bare,
                "/apis/whereabouts.cni.cncf.io/v1alpha1/overlappingrangeipreservations": bare,
            }),
            CONFLICT_SOURCES,
            scope,
        );
        assert.deepEqual(use, { addresses: [], networks: [], unreadable: [] });
    });
});
