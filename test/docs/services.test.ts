import assert from "node:assert/strict";
import { testKubeconfig } from "../support/embedded-cluster";
import { useStack } from "../support/use-stack";
import { startController, type RunningController } from "../proxy-cluster/vm-service";
import { codeBlocks } from "./markdown";
import { ProgramFolder } from "./program";

const BLOCKS = codeBlocks("docs/services.md");

describe("docs/services.md", () => {
    const suite = useStack("docs-services");
    const programs = new ProgramFolder();
    let controller: RunningController | undefined;

    before("start an endpoint controller, as a ServiceProxy has one", async () => {
        controller = startController(await testKubeconfig(), { namespace: suite.namespace.name });
    });

    after("stop it", async () => {
        await controller?.stop();
        programs.remove();
    });

    /** A program of the page, in the namespace of this test, with what belongs to the cluster named after it. */
    function program(index: number) {
        const source = (BLOCKS[index]?.code ?? "")
            .replaceAll('"shop"', JSON.stringify(suite.namespace.name))
            .replaceAll('"service-proxy"', JSON.stringify(`proxy-${suite.namespace.name}`))
            .replaceAll('"shop-lan"', JSON.stringify(`pool-${suite.namespace.name}`));
        return programs.compile(source);
    }

    async function endpointsOf(index: number): Promise<Record<string, string[]>> {
        const { outputs } = await suite.stack.up(program(index));
        return (outputs.endpoints ?? {}) as Record<string, string[]>;
    }

    async function objects(...kinds: string[]): Promise<string[]> {
        const written = Object.keys(await suite.view.written());
        return written.filter((object) => kinds.includes(object.split(" ")[0] ?? "")).sort();
    }

    it("has programs that are tried below, and nothing else", () => {
        assert.deepEqual(
            BLOCKS.map(({ language }) => language),
            ["ts", "ts", "ts"],
        );
    });

    it("exposes a NIC at the ports that it says", async () => {
        const endpoints = await endpointsOf(0);
        assert.deepEqual(await objects("Service"), ["Service web-vm-nodeport"]);
        const ports = (endpoints["web-vm-nodeport"] ?? []).map((endpoint) => Number(endpoint.split(":")[1]));
        assert.deepEqual(ports.sort(), [22, 5000, 5001, 5002, 5003, 8080].sort());
        const { spec } = await suite.namespace.clients.core.readNamespacedService({
            ...{ namespace: suite.namespace.name, name: "web-vm-nodeport" },
        });
        assert.equal(spec?.ports?.find(({ name }) => name === "tcp-22")?.nodePort, 30_922);
        assert.equal(spec.ports.find(({ name }) => name === "media-5003")?.protocol, "UDP");
    });

    it("exposes several VMs, with an Ingress and with a limit", async () => {
        await suite.stack.up(program(1));
        assert.deepEqual(await objects("Service", "Ingress", "NetworkPolicy"), [
            "Ingress site-service",
            "NetworkPolicy admin-nodeport",
            "Service admin-nodeport",
            "Service site-service",
        ]);
    });

    it("exposes a VM on a secondary network, whose address the endpoint controller finds", async () => {
        const endpoints = await endpointsOf(2);
        const [address = ""] = endpoints["db-vm-nodeport"] ?? [];
        assert.match(address, /^10\.30\.0\.\d+:5432$/);
        assert.deepEqual(endpoints["db-vm-hostport"], [address.replace(":5432", ":22")]);
    });
});
