import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { tmpdir } from "node:os";
import * as path from "node:path";
import * as k8s from "@kubernetes/client-node";
import { ProxyStand } from "../../scripts/bench/proxy/stand";
import { REPOSITORY } from "../../scripts/paths";
import { leaveOut, namespaceObstacle, programObstacle } from "../cni/obstacle";
import { command } from "../support/command";
import { done, seen, testKubeconfig, until, useNamespace } from "../support/embedded-cluster";

const PROGRAM = path.join(REPOSITORY, "bin", "proxy", "main.js");
const PROXY_NAME = "service.kubernetes.io/service-proxy-name";
const PRINT_ANSWER = "fetch(process.argv[1]).then((answer) => answer.text()).then(console.log)";
/** Of the stand's endpoints, all of which one server answers at. */
const [FIRST, SECOND, THIRD] = ["10.200.0.1", "10.200.0.2", "10.200.0.3"];

describe("the agent's program on a node", function () {
    this.timeout(120_000);
    const namespace = useNamespace("agent-on-node");
    let stand: ProxyStand | undefined;
    let program: ChildProcess;
    let kubeconfig: string;
    let address: string;

    before("make the node", async function () {
        const obstacle = (await namespaceObstacle()) ?? (await programObstacle("nft", "conntrack"));
        if (obstacle !== undefined) {
            leaveOut(this, obstacle);
        }
        kubeconfig = await testKubeconfig();
        const server = namespace.clients.config.getCurrentCluster()?.server ?? "";
        stand = await ProxyStand.create(Number(new URL(server).port));
        const service = await namespace.clients.core.createNamespacedService({
            namespace: namespace.name,
            body: {
                metadata: { name: "web", labels: { [PROXY_NAME]: "wukong" } },
                spec: { type: "NodePort", ports: [{ name: "http", port: 80 }] },
            },
        });
        address = service.spec?.clusterIP ?? "";
        await discovery().createNamespacedEndpointSlice({
            namespace: namespace.name,
            body: {
                metadata: { name: "web", labels: { "kubernetes.io/service-name": "web" } },
                addressType: "IPv4",
                endpoints: endpoints([FIRST]),
                ports: [{ name: "http", port: 8080 }],
            },
        });
        program = startAgent();
    });

    after("take the node away", async () => {
        await stand?.dispose();
    });

    const node = (): ProxyStand => {
        assert.ok(stand);
        return stand;
    };
    const discovery = (): k8s.DiscoveryV1Api => namespace.clients.config.makeApiClient(k8s.DiscoveryV1Api);
    const endpoints = (addresses: string[]): k8s.V1Endpoint[] =>
        addresses.map((each) => ({ addresses: [each], conditions: { ready: true } }));
    const startAgent = (): ChildProcess =>
        node().start(process.execPath, [
            PROGRAM,
            "agent",
            ...["--kubeconfig", kubeconfig, "--node-name", "node-1", "--status-port", "5050"],
        ]);

    async function setEndpoints(addresses: string[]): Promise<void> {
        await discovery().patchNamespacedEndpointSlice(
            {
                name: "web",
                namespace: namespace.name,
                body: [{ op: "replace", path: "/endpoints", value: endpoints(addresses) }],
            },
            k8s.setHeaderOptions("Content-Type", k8s.PatchStrategy.JsonPatch),
        );
    }

    /** Waits until the client is answered by this endpoint. */
    async function untilAnsweredBy(endpoint: string): Promise<void> {
        const told = await node().ask({ what: "reach", address, from: [endpoint], withinMs: 30_000 });
        assert.equal(told.what, "reached", `${JSON.stringify(told)}\n${node().log()}`);
    }

    const answers = async (): Promise<string> => {
        const told = await node().ask({ what: "reach", address, withinMs: 2_000 });
        return told.what;
    };

    async function end(signal: NodeJS.Signals): Promise<number | null> {
        const ended = once(program, "exit") as Promise<[number | null]>;
        program.kill(signal);
        return (await ended)[0];
    }

    /** Runs a command in the node, and gives what it prints. */
    async function inNode(...line: string[]): Promise<string> {
        const { code, text } = await command("ip", node().inNode(line), { cwd: tmpdir() });
        assert.equal(code, 0, text);
        return text;
    }

    /** What the status API tells somebody on the node. */
    const statusOf = async (route: string): Promise<unknown> =>
        JSON.parse(await inNode(process.execPath, "-e", PRINT_ANSWER, `http://127.0.0.1:5050${route}`));

    it("serves a Service of the cluster, and follows its endpoints", async () => {
        await untilAnsweredBy(FIRST);
        await setEndpoints([SECOND]);
        await untilAnsweredBy(SECOND);
    });

    it("tells on the node what decides about it, and how many connections go where", async () => {
        const route = `/api/v1/services/${namespace.name}/web`;
        const view = await until("the status API to answer", async () => {
            try {
                return done((await statusOf(route)) as { ports: { endpoints: number; rules: string[] }[] });
            } catch (error) {
                return seen(String(error));
            }
        });
        assert.equal(view.ports[0]?.endpoints, 1);
        assert.ok(
            view.ports[0].rules.some((rule) => rule.includes(`${SECOND} . 8080`)),
            view.ports[0].rules.join("\n"),
        );
        await untilAnsweredBy(SECOND);
        const told = (await statusOf(`${route}/endpoints`)) as {
            endpoints: { address: string; flows: number; served: boolean }[];
        };
        const [endpoint] = told.endpoints;
        assert.deepEqual([endpoint?.address, endpoint?.served], [SECOND, true]);
        assert.ok((endpoint?.flows ?? 0) > 0, JSON.stringify(told));
    });

    it("puts back what somebody takes away", async () => {
        await inNode("nft", "delete", "table", "ip", "wukong");
        await untilAnsweredBy(SECOND);
    });

    it("serves on while it is away, and applies at its start what has changed meanwhile", async () => {
        await end("SIGKILL");
        assert.equal(await answers(), "reached");
        await setEndpoints([THIRD]);
        program = startAgent();
        await untilAnsweredBy(THIRD);
    });

    it("serves on while the API server is away, and follows it again after", async () => {
        node().loseApiServer();
        await setEndpoints([FIRST]);
        assert.equal(await answers(), "reached");
        await node().findApiServer();
        await untilAnsweredBy(FIRST);
    });

    it("ends by a signal and leaves its rules, which `cleanup` takes away", async () => {
        assert.equal(await end("SIGTERM"), 0, node().log());
        assert.equal(await answers(), "reached");
        await inNode(process.execPath, PROGRAM, "cleanup");
        assert.equal(await inNode("nft", "list", "ruleset"), "");
        assert.equal(await answers(), "not reached");
    });

    it("says in a sentence what keeps it from starting", async () => {
        program = node().start(process.execPath, [PROGRAM, "agent", "--node-name", "node-1"], {
            PATH: "",
            KUBECONFIG: kubeconfig,
        });
        const [code] = (await once(program, "exit")) as [number];
        assert.equal(code, 1);
        const last = JSON.parse(node().log().trim().split("\n").at(-1) ?? "") as { msg: string; stack?: string };
        assert.match(last.msg, /^There is no `(nft|conntrack)` on the PATH/);
        assert.equal(last.stack, undefined);
    });
});
