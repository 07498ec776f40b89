import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { createInterface } from "node:readline";
import { ServiceProxy, type ServiceProxyArgs } from "../../index";
import { leaveOut, namespaceObstacle, nftObstacle, programObstacle } from "../cni/obstacle";
import { deploy, find, type Loose } from "../components/deploy";
import { command } from "../support/command";
import { testKubeconfig } from "../support/embedded-cluster";
import { PORT } from "./status-source";

const PROGRAM = path.resolve(__dirname, "../../proxy/main.js");

/** The container that the component makes of a program. */
async function containerOf(noun: string, name: string, args: Partial<ServiceProxyArgs> = {}): Promise<Loose> {
    const { registered } = await deploy(
        () => new ServiceProxy("proxy", { image: "registry.example/proxy:1", ...args }),
    );
    return find(registered, noun, name).inputs["spec"].template.spec.containers[0];
}

describe("the programs of the service proxy", () => {
    it("understand how the component starts the agent", async function () {
        const obstacle = (await namespaceObstacle()) ?? (await nftObstacle());
        if (obstacle !== undefined) {
            leaveOut(this, obstacle);
        }
        // Each in a network of its own, where there is no cluster: it gets as far as to look for one.
        for (const args of [{}, { statusPort: 5151 }]) {
            const rendered: string[] = (await containerOf("DaemonSet", "proxy-agent", args)).args;
            const started = rendered.map((each) => each.replace("$(NODE_NAME)", "node-1"));
            const { code, text } = await command(
                "unshare",
                ["--net", "--", process.execPath, PROGRAM, ...started, "--kubeconfig", "/no/such/file"],
                { cwd: tmpdir() },
            );
            assert.equal(code, 1, text);
            assert.match(text, /The kubeconfig \/no\/such\/file cannot be read/);
        }
        const odd = await command(process.execPath, [PROGRAM, "agent", "--node-name", "a", "--no-such"], {
            cwd: tmpdir(),
        });
        assert.match(odd.text, /unknown option '--no-such'/);
    });

    it("write rules and read connections with the capabilities that the component gives, and with no fewer", async function () {
        const obstacle =
            (await namespaceObstacle()) ?? (await nftObstacle()) ?? (await programObstacle("setpriv", "conntrack"));
        if (obstacle !== undefined) {
            leaveOut(this, obstacle);
        }
        const { runAsUser, capabilities } = (await containerOf("DaemonSet", "proxy-agent")).securityContext;
        assert.deepEqual(capabilities.drop, ["ALL"]);
        const script = `(async () => {
            const { NftablesDataplane } = require(${JSON.stringify(path.resolve(PROGRAM, "../dataplane/nftables.js"))});
            const { connectionsTo } = require(${JSON.stringify(path.resolve(PROGRAM, "../dataplane/connections.js"))});
            const ports = ${JSON.stringify([{ ...PORT, protocol: "UDP" }])};
            const dataplane = await NftablesDataplane.create();
            await dataplane.apply({ ports });
            console.log(await dataplane.isIntact(), await connectionsTo(ports));
            await dataplane.apply({ ports: [] });
            await dataplane.remove();
            dataplane.close();
        })()`;
        /** In a network of its own, as a container runtime starts a container: what is not added cannot be had. */
        const run = async (added: readonly string[]) => {
            const bounding = ["-all", ...added.map((each) => `+${each.toLowerCase()}`)].join(",");
            const setpriv = ["setpriv", `--bounding-set=${bounding}`, "--inh-caps=-all", "--no-new-privs"];
            return command(
                "unshare",
                ["--net", "--", ...setpriv, `--reuid=${runAsUser}`, "--", process.execPath, "-e", script],
                { cwd: tmpdir() },
            );
        };
        const { code, text } = await run(capabilities.add);
        assert.equal(code, 0, text);
        assert.match(text, /^true \[/);
        assert.notEqual((await run([])).code, 0);
    });

    it("follow the cluster as the component starts the endpoint controller, and end in order when they are told to", async () => {
        const { args } = await containerOf("Deployment", "proxy-endpoints");
        // Who may only read writes nothing to what others do here.
        const kubeconfig = await testKubeconfig("reader");
        const child = spawn(process.execPath, [PROGRAM, ...args, "--kubeconfig", kubeconfig, "--log-level", "debug"], {
            stdio: ["ignore", "pipe", "inherit"],
        });
        const exit = once(child, "exit");
        try {
            for await (const line of createInterface(child.stdout)) {
                if (line.includes("all is known of the cluster")) {
                    child.kill("SIGTERM");
                }
            }
            assert.deepEqual(await exit, [0, null]);
        } finally {
            child.kill("SIGKILL");
        }
    });
});
