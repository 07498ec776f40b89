import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import * as k8s from "@kubernetes/client-node";
import { Refusal, runCommand } from "./command";
import { ClusterReader, type Life } from "./demo/cluster-reader";
import { command, say, table, title } from "./demo/screen";
import { startCluster, stopCluster } from "./embedded-cluster/cluster";
import { programNames } from "./embedded-cluster/commands";
import { REPOSITORY } from "./paths";
import { kubernetesProvider, Pulumi } from "./pulumi";
import { ensurePrograms } from "./toolchain";
import { VmWatch } from "./vm-watch";

// `npm run demo`: the program in examples/quickstart, which `pulumi up` in the root deploys on a user's own cluster, here
// on the embedded one, by the same CLI. What a preview has announced is compared with what the cluster shows afterwards.

const NAMESPACE = "default";
const VM = "web-vm";
const SERVICE = "web-vm-nodeport";
const GONE_DEADLINE_MS = 30_000;

/** What is under way, for the message of a failure. */
let doing = "preparing the programs";

/** A NIC as a line of the preview announces it. */
interface PlannedNic {
    readonly action: string;
    readonly name: string;
    readonly mac: string;
    /** With prefix length, or `DHCP`. */
    readonly address: string;
    readonly impact: string;
}

interface Demo {
    readonly pulumi: Pulumi;
    readonly reader: ClusterReader;
    readonly watch: VmWatch;
}

async function main(): Promise<number> {
    const programs = await ensurePrograms(["pulumi", ...programNames]);
    const directory = fs.mkdtempSync(path.join(os.tmpdir(), "wukong-demo-"));
    const clusterDirectory = path.join(directory, "cluster");
    const interrupt = new AbortController();
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
        process.on(signal, () => {
            interrupt.abort(new Refusal("Interrupted."));
            // A start of the cluster that is under way fails by this, and everything else has nothing to wait for.
            void stopCluster(clusterDirectory);
        });
    }
    const cleanUps: (() => void | Promise<void>)[] = [
        () => fs.rmSync(directory, { recursive: true, force: true }),
        () => stopCluster(clusterDirectory),
    ];
    try {
        introduce();
        doing = "starting the embedded cluster";
        const cluster = await timed("The cluster is ready", () => startCluster({ directory: clusterDirectory }));
        const { kubeconfig } = cluster;
        const config = new k8s.KubeConfig();
        config.loadFromFile(kubeconfig);
        doing = "starting the Pulumi CLI";
        const options = { file: programs.pulumi, kubeconfig, project: REPOSITORY, signal: interrupt.signal };
        const pulumi = await Pulumi.start({ ...options, directory: path.join(directory, "pulumi") });
        cleanUps.push(() => pulumi.stop());
        const watch = await VmWatch.start(config, NAMESPACE);
        cleanUps.push(() => watch.stop());
        await show({ pulumi, watch, reader: new ClusterReader(config, NAMESPACE) });
        return 0;
    } catch (error) {
        const failure: unknown = interrupt.signal.aborted ? interrupt.signal.reason : error;
        console.error(`\nThe demo stopped while ${doing}.`);
        console.error(failure instanceof Error ? failure.message : failure);
        return 1;
    } finally {
        for (const cleanUp of cleanUps.reverse()) {
            await cleanUp();
        }
    }
}

function introduce(): void {
    title("pulumi-wukong: the NICs of a KubeVirt VM, changed while it runs");
    console.log();
    say(
        "Upstream's own programs: etcd, kube-apiserver, kube-controller-manager, KubeVirt 1.6.0 (virt-api with its webhooks, virt-controller), pulumi and its Node.js host.",
        4,
    );
    say("Played by this project: the nodes, that is scheduler, kubelet, Multus, virt-handler and libvirt.", 4);
    if (kubernetesProvider === "stand-in") {
        say(
            "The kubernetes provider is the stand-in of the test suite, acting on the real API server; WUKONG_KUBERNETES_PROVIDER=plugin takes the real plugin.",
            4,
        );
    }
    say("So no guest boots here and no packet flows; what is shown is what the API server holds.");
    console.log();
}

async function show({ pulumi, reader, watch }: Demo): Promise<void> {
    const before = await reader.everything();

    title("1. A VM with two NICs, one with an address of a pool, behind a NodePort");
    const boot = await preview(pulumi);
    await up(pulumi);
    const life = await reader.life(VM);
    await showNics(reader, boot);
    await showService(reader);

    title("2. A third NIC, while the VM runs");
    await configure(pulumi, "true");
    const attached = await preview(pulumi);
    let since = watch.now();
    await up(pulumi);
    doing = "reading the new NIC from the cluster";
    await showNics(reader, attached);
    say(`${seconds(await watch.attached(VM, "eth2", since))} from the VM's patch to the NIC in the running domain.`);
    await showLife(reader, life);

    title("3. The third NIC goes again");
    await configure(pulumi, "false");
    const detached = await preview(pulumi);
    since = watch.now();
    await up(pulumi);
    doing = "reading the NICs that are left from the cluster";
    await showNics(reader, detached);
    say(`${seconds(await watch.detached(VM, "eth2", since))} from the VM's patch until nothing is left of the NIC.`);
    await showLife(reader, life);

    title("4. Everything goes");
    command("pulumi destroy");
    doing = "running `pulumi destroy`";
    await timed("Destroyed", () => pulumi.run(["destroy", "--yes", "--skip-preview"]));
    await showNothingLeft(reader, before);
}

/** Runs a preview, shows what it tells, and gives the NICs that it announces. */
async function preview(pulumi: Pulumi): Promise<PlannedNic[]> {
    command("pulumi preview");
    doing = "running `pulumi preview`";
    const text = await pulumi.run(["preview", "--suppress-outputs"]);
    const messages = block(text, "Diagnostics:").filter((line) => !/^ {2}\S/.test(line));
    messages.forEach((line) => say(line.trim(), 4));
    say(
        block(text, "Resources:")
            .map((line) => line.trim())
            .join(", "),
    );
    const planned = messages.flatMap((line) => {
        const [, action, name, mac, address, impact] =
            /^ +VM \S+: (\w+) (\S+) \(.*, MAC (\S+), (\S+)\): ([\w-]+),/.exec(line) ?? [];
        return action && name && mac && address && impact ? [{ action, name, mac, address, impact }] : [];
    });
    assert.ok(planned.length > 0, "the preview should announce what happens to the NICs");
    return planned;
}

/** The indented lines below a heading of the CLI's text. */
function block(text: string, heading: string): string[] {
    const lines = text.split("\n");
    const start = lines.indexOf(heading) + 1;
    if (start === 0) {
        return [];
    }
    const rest = lines.slice(start);
    const end = rest.findIndex((line) => /^\S/.test(line));
    return rest.slice(0, end < 0 ? undefined : end).filter((line) => line.trim() !== "");
}

async function configure(pulumi: Pulumi, storageNic: string): Promise<void> {
    command(`pulumi config set storageNic ${storageNic}`);
    doing = "setting the configuration";
    await pulumi.run(["config", "set", "storageNic", storageNic]);
}

async function up(pulumi: Pulumi): Promise<void> {
    command("pulumi up");
    doing = "running `pulumi up`";
    await timed("Done", () => pulumi.run(["up", "--yes", "--skip-preview", "--suppress-outputs"]));
}

/** Shows the NICs of the running VM, and compares them with what the preview has announced. */
async function showNics(reader: ClusterReader, planned: readonly PlannedNic[]): Promise<void> {
    doing = "comparing the NICs that the VMI reports with the preview";
    const { status } = await reader.instance(VM);
    const nics = status?.interfaces ?? [];
    console.log();
    say("The VMI reports:");
    table([
        ["NIC", "MAC", "addresses", "infoSource"],
        ...nics.map(({ name = "", mac = "", ipAddresses = [], infoSource = "" }) => [
            name,
            mac,
            ipAddresses.join(", ") || "-",
            infoSource,
        ]),
    ]);
    for (const { action, name, mac, address, impact } of planned) {
        const found = nics.find((nic) => nic.name === name);
        if (action === "detach") {
            assert.equal(found, undefined, `NIC ${name} should be gone`);
            continue;
        }
        assert.equal(found?.mac, mac, `MAC address of NIC ${name} as the preview announced it`);
        if (impact === "boot" && address !== "DHCP") {
            assert.deepEqual(found.ipAddresses, [address.split("/")[0]], `address of NIC ${name} as announced`);
        }
    }
    say("NICs, MACs and addresses are those of the preview.");
}

async function showService(reader: ClusterReader): Promise<void> {
    doing = `looking for ready endpoints of Service ${SERVICE}`;
    const [port, endpoints] = await Promise.all([reader.nodePort(SERVICE), reader.readyEndpoints(SERVICE)]);
    assert.ok(port !== undefined && endpoints.length > 0, `Service ${SERVICE} should have a ready endpoint`);
    say(`Service ${SERVICE}: port ${port} of every node leads to ${endpoints.join(", ")}, which is ready.`);
}

async function showLife(reader: ClusterReader, before: Life): Promise<void> {
    doing = "proving that the VM was not restarted";
    assert.deepEqual(await reader.life(VM), before, "the VM should not have been restarted");
    say("Not restarted; as before:");
    table([
        ["  VMI uid", before.vmi],
        ["  running since", before.running],
        ["  pod", before.pod],
    ]);
}

async function showNothingLeft(reader: ClusterReader, before: readonly string[]): Promise<void> {
    doing = "looking for what `pulumi destroy` has left";
    const left = async (): Promise<string[]> => (await reader.everything()).filter((name) => !before.includes(name));
    const deadline = performance.now() + GONE_DEADLINE_MS;
    let found = await left();
    // A pod takes a moment to go after its VM.
    while (found.length > 0 && performance.now() < deadline) {
        await delay(100);
        found = await left();
    }
    assert.deepEqual(found, [], "nothing should be left");
    say(`Looked for ${reader.kinds.join(", ")}: nothing is left.`);
}

async function timed<T>(what: string, work: () => Promise<T>): Promise<T> {
    const start = performance.now();
    const result = await work();
    say(`${what} after ${seconds((performance.now() - start) / 1000)}.`);
    return result;
}

function seconds(value: number): string {
    return `${value.toFixed(value < 1 ? 2 : 1)} s`;
}

void runCommand(main);
