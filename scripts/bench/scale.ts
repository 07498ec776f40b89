import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import * as k8s from "@kubernetes/client-node";
import { CountingServer } from "./counting-server";
import { median, report, seconds } from "./figure";
import type { BenchmarkStack } from "./program";
import type { Setting, Stack } from "./setting";

const ROUNDS = 3;
const COUNT = 100;
/** Beside the pod NIC. */
const FURTHER_NICS = ["eth1", "eth2"];
const UP_LIMIT = 1.3;
const UNCHANGED_LIMIT = 1.15;

const virtualMachines = Object.fromEntries(
    Array.from({ length: COUNT }, (_, index) => [`vm${String(index)}`, FURTHER_NICS]),
);
const nothing = { virtualMachines: {} };

/** One of the two that are compared. */
interface Side {
    readonly namespace: string;
    readonly stack: Stack;
    readonly declared: Omit<BenchmarkStack, "namespace">;
    readonly up: number[];
    readonly unchanged: number[];
    readonly upWithCheckpoints: number[];
}

/**
 * `pulumi up` with many VMs, beside one with the same objects as plain resources of the kubernetes provider; both begin
 * with nothing and end when the VMs are ready. Then both again, where nothing changes. The state is written at the end:
 * what it costs to write it at each step is told apart.
 */
export async function scale(setting: Setting): Promise<boolean> {
    const ours = await sideOf(setting, "bench-scale-ours", { virtualMachines });
    const plain = await sideOf(setting, "bench-scale-plain", { virtualMachines, plain: true });
    for (const { stack, declared } of [ours, plain]) {
        // What every cluster and plugin does once.
        await stack.up({ ...declared, virtualMachines: { first: FURTHER_NICS } });
        await stack.up(nothing);
    }
    const objects = new Set<string>();
    for (let round = 0; round < ROUNDS; round += 1) {
        for (const { stack, declared, ...side } of round % 2 === 0 ? [plain, ours] : [ours, plain]) {
            side.up.push(await seconds(() => stack.up(declared, "at the end")));
            objects.add(await objectsOf(setting.config, side.namespace));
            side.unchanged.push(await seconds(() => stack.up(declared)));
            await stack.up(nothing, "at the end");
        }
    }
    if (objects.size > 1) {
        throw new Error(`The two sides make different VMs:\n${[...objects].join("\n")}`);
    }
    for (const { stack, declared, upWithCheckpoints } of [plain, ours]) {
        upWithCheckpoints.push(await seconds(() => stack.up(declared)));
        await stack.up(nothing, "at the end");
    }
    const figures = [
        { name: `up-of-${String(COUNT)}-vms`, times: "up", limit: UP_LIMIT },
        { name: `unchanged-up-of-${String(COUNT)}-vms`, times: "unchanged", limit: UNCHANGED_LIMIT },
        { name: `up-of-${String(COUNT)}-vms-with-checkpoints`, times: "upWithCheckpoints", limit: undefined },
    ] as const;
    const kept = figures.map(({ name, times, limit }) => {
        const ratio = median(ours[times].map((each, round) => each / (plain[times][round] ?? NaN)));
        const figure = { bench: "scale", unit: "s" };
        report({ ...figure, name: `${name}-of-kubernetes-provider`, value: median(plain[times]) });
        return report({ ...figure, name, value: median(ours[times]), ratio, ...(limit && { limit }) });
    });
    return [...kept, ...(await requests(setting))].every(Boolean);
}

async function sideOf({ stack }: Setting, namespace: string, declared: Side["declared"]): Promise<Side> {
    return { namespace, stack: await stack(namespace), declared, up: [], unchanged: [], upWithCheckpoints: [] };
}

interface VirtualMachineObject {
    readonly spec: {
        readonly template: {
            readonly spec: {
                readonly networks: readonly { readonly name: string }[];
                readonly domain: { readonly devices: { readonly interfaces: readonly { readonly name: string }[] } };
            };
        };
    };
}

/** How many VMs there are, and what is the same of all: not names, UUIDs and MAC addresses, nor the order of the NICs. */
async function objectsOf(config: k8s.KubeConfig, namespace: string): Promise<string> {
    const list = (await config.makeApiClient(k8s.CustomObjectsApi).listNamespacedCustomObject({
        group: "kubevirt.io",
        version: "v1",
        namespace,
        plural: "virtualmachines",
    })) as { items: VirtualMachineObject[] };
    const texts = list.items.map(({ spec }) => {
        const { networks, domain } = spec.template.spec;
        const named = [...networks, ...domain.devices.interfaces].map((each) => JSON.stringify(each)).sort();
        const rest = JSON.stringify(spec, (key, value: unknown) =>
            ["networks", "interfaces", "firmware"].includes(key) ? undefined : value,
        );
        return [rest, ...named]
            .join("\n")
            .replaceAll(namespace, "")
            .replace(/"02(:[0-9a-f]{2}){5}"/g, '""')
            .replace(/vm\d+-/g, "");
    });
    return [String(texts.length), ...new Set(texts)].join("\n");
}

/** What a preview asks of the API server where nothing changes. */
async function requests({ config, kubeconfig, stack }: Setting): Promise<boolean[]> {
    const directory = fs.mkdtempSync(path.join(os.tmpdir(), "wukong-bench-scale-"));
    const server = await CountingServer.start(config);
    try {
        const way = path.join(directory, "kubeconfig");
        fs.copyFileSync(kubeconfig, way);
        const counted = await stack("bench-scale-counted", way);
        const declared = { virtualMachines, addresses: true };
        const up = await seconds(() => counted.up(declared, "at the end"));
        fs.writeFileSync(way, server.kubeconfig);
        await counted.preview(declared);
        fs.copyFileSync(kubeconfig, way);
        const figure = { bench: "scale", unit: "requests" };
        report({ bench: "scale", name: `up-of-${String(COUNT)}-vms-with-addresses`, value: up, unit: "s" });
        report({ ...figure, name: "requests-of-unchanged-preview", value: server.requests });
        const lists = Math.max(0, ...server.lists.values());
        return [
            report({ ...figure, name: "writes-of-unchanged-preview", value: server.writes, limit: 0 }),
            report({ ...figure, name: "lists-of-a-kind-of-unchanged-preview", value: lists, limit: 1 }),
        ];
    } finally {
        await server.stop();
        fs.rmSync(directory, { recursive: true, force: true });
    }
}
