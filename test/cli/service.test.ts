import assert from "node:assert/strict";
import * as fs from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { parse } from "yaml";
import { ClusterClient } from "../../cluster/client";
import { loadKubeConfig } from "../../cluster/connection";
import type { StatusServer } from "../../proxy/status/server";
import { Machines } from "../cluster/virtual-machines";
import { podNic } from "../cluster/vm-objects";
import { serve, sourceOf } from "../proxy-cluster/status-source";
import { startController, untilEndpoints, vmService } from "../proxy-cluster/vm-service";
import { testKubeconfig, useNamespace } from "../support/embedded-cluster";
import { cellsOf, wukong, wukongHere } from "./wukong";

const red = { name: "red", nad: "red" };

describe("wukong service", function () {
    this.timeout(120_000);
    const namespace = useNamespace("cli-service");
    const machines = new Machines(namespace);
    const running = (addresses: string[]) => ({
        labels: { app: "web" },
        modes: { "guest-addresses": JSON.stringify({ red: addresses }) },
    });
    let name: string;
    let node: string | undefined;

    before("run VMs of which one is an endpoint", async () => {
        name = `${namespace.name}/web`;
        await machines.network("red");
        const body = vmService(namespace.name, "web", { type: "NodePort" });
        await namespace.clients.core.createNamespacedService({ namespace: namespace.name, body });
        await namespace.clients.core.createNamespacedService({
            namespace: namespace.name,
            body: { metadata: { name: "ordinary" }, spec: { ports: [{ port: 80 }] } },
        });
        await machines.create("good", [podNic, red], running(["192.0.2.7"]));
        await machines.create("mute", [podNic, red], running([]));
        await machines.create("off", [podNic, red], { ...running([]), runStrategy: "Halted" });
        await machines.ready("mute");
        node = (await machines.ready("good")).status?.nodeName;
        await machines.untilVm("off", "to be stopped", (vm) => vm.status?.printableStatus === "Stopped");
    });

    const whyMute = () =>
        `VM mute is no endpoint: no active IPReservation of ${namespace.name}/mute/red has an IPv4 address, ` +
        `and its guest agent reports none.`;
    const whyOff = "VM off is no endpoint: it has no instance, as it is Stopped.";

    it("lists the Services in front of VMs, and no others", async () => {
        const { code, stdout } = await wukong(["service", "list", "-n", namespace.name]);
        assert.equal(code, 0);
        const { spec } = await namespace.clients.core.readNamespacedService({ name: "web", namespace: namespace.name });
        const [header, ...rows] = cellsOf(stdout);
        assert.deepEqual(header, [
            ...[
                "NAMESPACE",
                "NAME",
                "TYPE",
                "DATAPLANE",
                "CLUSTER-IP",
                "EXTERNAL-IP",
                "PORTS",
                "ENDPOINTS",
                "EXCLUDED",
            ],
        ]);
        assert.deepEqual(rows, [
            [
                ...[namespace.name, "web", "NodePort", "kube-proxy", spec?.clusterIP, "<none>"],
                ...[`80:${spec?.ports?.[0]?.nodePort}/TCP`, "1", "2"],
            ],
        ]);
    });

    it("lists those of all namespaces, and says where there are none", async () => {
        const { code, stdout } = await wukongHere(["service", "list", "-o", "json"]);
        assert.equal(code, 0);
        const all = JSON.parse(stdout) as { namespace: string; name: string; endpoints: { vm: string }[] }[];
        const found = all.filter((each) => each.namespace === namespace.name);
        assert.deepEqual(
            found.map((each) => [each.name, each.endpoints.map(({ vm }) => vm)]),
            [["web", ["good"]]],
        );
        const none = await wukongHere(["service", "list", "-n", "default-of-nobody"]);
        assert.deepEqual([none.code, none.stdout], [0, ""]);
        assert.match(none.stderr, /^No Service is in front of VMs/);
    });

    it("shows each endpoint, each VM that is none with the reason, and whether the cluster says so", async () => {
        const { code, stdout } = await wukong(["service", "show", name]);
        assert.equal(code, 2);
        assert.match(
            stdout,
            new RegExp(`^Service: +${name}\nType: +NodePort\nDataplane: +kube-proxy\nNetwork: +.*/red\n`),
        );
        const [, table = "", sentences = ""] = stdout.split("\n\n");
        assert.deepEqual(cellsOf(table), [
            ["VM", "NIC", "ADDRESS", "FROM", "NODE", "STATE"],
            ["good", "red", "192.0.2.7", "guest agent", node, "ready"],
        ]);
        assert.deepEqual(sentences.trimEnd().split("\n"), [
            whyMute(),
            whyOff,
            "The EndpointSlices do not say so (yet): check that the endpoint controller runs.",
        ]);
        const controller = startController(await testKubeconfig(), { namespace: namespace.name });
        try {
            await untilEndpoints(namespace, "web", "to have its VM", (endpoints) => endpoints.length === 1);
        } finally {
            await controller.stop();
        }
        const after = await wukongHere(["service", "show", name, "-o", "yaml"]);
        assert.equal(after.code, 0);
        const shown = parse(after.stdout) as Record<string, unknown>;
        assert.deepEqual(
            [shown["isWritten"], shown["excluded"]],
            [
                true,
                [
                    { vm: "mute", why: [whyMute()] },
                    { vm: "off", why: [whyOff] },
                ],
            ],
        );
    });

    it("shows of a Service of the node agent with a selector what Kubernetes has put behind it", async () => {
        const label = { "service.kubernetes.io/service-proxy-name": "wukong" };
        await namespace.clients.core.createNamespacedService({
            namespace: namespace.name,
            body: {
                metadata: { name: "pods", labels: label },
                spec: { selector: { "kubevirt.io/vm": "good" }, ports: [{ port: 80, targetPort: 8080 }] },
            },
        });
        const pods = await namespace.clients.core.listNamespacedPod({
            ...{ namespace: namespace.name, labelSelector: "kubevirt.io/vm=good" },
        });
        await untilEndpoints(namespace, "pods", "to have its pod", (endpoints) => endpoints.length === 1);
        const { code, stdout } = await wukongHere(["service", "show", `${namespace.name}/pods`, "-o", "json"]);
        assert.equal(code, 0);
        const { dataplane, endpoints } = JSON.parse(stdout);
        const [pod] = pods.items;
        assert.equal(dataplane, "wukong");
        assert.deepEqual(endpoints, [
            {
                ...{ vm: pod?.metadata?.name, address: pod?.status?.podIP, addressFrom: "EndpointSlice" },
                ...{ nodeName: node, state: "ready", ports: [8080] },
            },
        ]);
    });

    it("says what is not there, and what is no name of a Service", async () => {
        const ordinary = await wukongHere(["service", "show", `${namespace.name}/ordinary`]);
        assert.equal(ordinary.code, 1);
        assert.match(ordinary.stderr, /^No Service .*\/ordinary is in front of VMs/);
        const odd = await wukongHere(["service", "show", "web"]);
        assert.equal(odd.code, 64);
        assert.match(odd.stderr, /namespace, a slash and its name/);
    });

    describe("explain", () => {
        let agent: StatusServer;
        let open: StatusServer;
        let stranger: Server;
        let folder: string;

        before(async () => {
            folder = fs.mkdtempSync(path.join(tmpdir(), "wukong-explain-"));
            fs.writeFileSync(path.join(folder, "token"), "0123456789abcdef0123456789\n");
            const client = new ClusterClient(loadKubeConfig({ kubeconfig: await testKubeconfig("nobody") }));
            agent = await serve(client, sourceOf(), { tokenFile: path.join(folder, "token") });
            open = await serve(client, sourceOf({ explain: () => ["rule\u001b[2J"] }));
            stranger = createServer((_request, response) => response.end("hello")).listen(0, "127.0.0.1");
        });

        after(async () => {
            await Promise.all([agent.close(), open.close()]);
            stranger.close();
            fs.rmSync(folder, { recursive: true });
        });

        const explain = (url: string, ...args: string[]) =>
            wukongHere(["service", "explain", "shop/web", "--agent", url, ...args], "/no/kubeconfig/is/needed");

        it("tells the rules that decide and the flows of each endpoint, as the node's agent says", async () => {
            const args = ["--agent", agent.url, "--agent-token-file", path.join(folder, "token")];
            const { code, stdout } = await wukong(["service", "explain", "shop/web", ...args], "/no/such/file");
            assert.equal(code, 0);
            const [head, port, table = "", why] = stdout.split("\n\n");
            assert.equal(head, "Service:      shop/web\nRules of:     2026-01-01T00:00:00Z");
            assert.equal(
                port,
                "http 10.96.0.10:80/TCP, node port 30080, Random:\n    elements = { 10.96.0.10 . tcp . 80 : goto random-1 }",
            );
            assert.deepEqual(cellsOf(table), [
                ["VM", "ENDPOINT", "PROTOCOL", "NODE", "SERVED", "FLOWS"],
                ["web-a", "192.0.2.7:8080", "TCP", "node-1", "yes", "3"],
            ]);
            assert.equal(why, "VM web-b is no endpoint: it is paused.\n");
        });

        it("prints nothing that a terminal would act on, and all of it for programs", async () => {
            const { stdout } = await explain(open.url);
            assert.doesNotMatch(stdout, /\u001b/);
            const { endpoints, excluded } = JSON.parse((await explain(open.url, "-o", "json")).stdout);
            assert.deepEqual([endpoints[0].flows, excluded[0].vm], [3, "web-b"]);
        });

        it("hands on what the agent refuses", async () => {
            const { code, stderr } = await explain(agent.url);
            assert.deepEqual([code, stderr.split(",")[0]], [1, "Send the token of the status API's readers"]);
            const unknown = await wukongHere(["service", "explain", "shop/db", "--agent", open.url]);
            assert.equal(unknown.code, 1);
            assert.match(unknown.stderr, /^No Service shop\/db is served here/);
        });

        it("says who did not answer, or is no agent", async () => {
            const gone = await explain("http://127.0.0.1:1");
            assert.equal(gone.code, 1);
            assert.match(gone.stderr, /^The agent at http:\/\/127\.0\.0\.1:1 did not answer: /);
            const { port } = stranger.address() as AddressInfo;
            assert.match((await explain(`http://127.0.0.1:${port}`)).stderr, /is no agent: it says 200 OK\.$/m);
            const odd = await explain("ftp://host");
            assert.equal(odd.code, 64);
        });
    });
});
