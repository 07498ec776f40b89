import * as k8s from "@kubernetes/client-node";
import { VmWatch } from "../vm-watch";
import { median, report } from "./figure";
import type { Setting, Stack } from "./setting";

const NAMESPACE = "bench-attach";
const ROUNDS = 9;
/** The VM whose NICs `pulumi up` attaches, and the one that the bare client works on. */
const OURS = "ours-vm";
const BARE = "bare-vm";
const LIMIT = 1.2;
const AT_ONCE = 8;
const PATCHES_LIMIT = 2;

/** How long `pulumi up` takes to attach a NIC, from its patch of the VM on, beside a client that only sends that patch. */
export async function attach({ config, stack }: Setting): Promise<boolean> {
    const bench = await stack(NAMESPACE);
    const watch = await VmWatch.start(config, NAMESPACE);
    try {
        await bench.up({ virtualMachines: { ours: [], bare: [], eight: [] } });
        const { ours, bare } = await race(bench, watch, config);
        const [oursMedian, bareMedian] = [median(ours), median(bare)];
        const figure = { bench: "attach", unit: "s" };
        const kept = [
            report({ ...figure, name: "bare-client", value: bareMedian }),
            report({ ...figure, name: "pulumi-up", value: oursMedian, ratio: oursMedian / bareMedian, limit: LIMIT }),
            await eightAtOnce(bench, watch),
        ];
        return kept.every(Boolean);
    } finally {
        watch.stop();
    }
}

/** Attaches one NIC after the other to either VM, in turns, so that what else the machine does touches both alike. */
async function race(bench: Stack, watch: VmWatch, config: k8s.KubeConfig): Promise<{ ours: number[]; bare: number[] }> {
    const ours: number[] = [];
    const bare: number[] = [];
    const nics: string[] = [];
    for (let round = 1; round <= ROUNDS; round += 1) {
        const nic = `nic${round}`;
        nics.push(nic);
        let since = watch.now();
        await bench.up({ virtualMachines: { ours: nics, bare: [], eight: [] } });
        ours.push(await watch.attached(OURS, nic, since));
        since = watch.now();
        await attachBare(config, nic);
        bare.push(await watch.attached(BARE, nic, since));
    }
    return { ours, bare };
}

async function attachBare(config: k8s.KubeConfig, name: string): Promise<void> {
    const path = "/spec/template/spec";
    await config.makeApiClient(k8s.CustomObjectsApi).patchNamespacedCustomObject({
        group: "kubevirt.io",
        version: "v1",
        namespace: NAMESPACE,
        plural: "virtualmachines",
        name: BARE,
        body: [
            {
                op: "add",
                path: `${path}/domain/devices/interfaces/-`,
                value: { name, bridge: {}, model: "virtio", macAddress: `02:00:00:00:00:0${name.at(-1) ?? ""}` },
            },
            { op: "add", path: `${path}/networks/-`, value: { name, multus: { networkName: `${NAMESPACE}/lan` } } },
        ],
    });
}

/** How many patches a VM gets when eight NICs are added to it in one update. */
async function eightAtOnce(bench: Stack, watch: VmWatch): Promise<boolean> {
    const nics = Array.from({ length: AT_ONCE }, (_, index) => `nic${index + 1}`);
    const since = watch.now();
    await bench.up({ virtualMachines: { ours: [], bare: [], eight: nics } });
    const times = await Promise.all(nics.map((nic) => watch.attached("eight-vm", nic, since)));
    report({ bench: "attach", name: "eight-at-once", value: Math.max(...times), unit: "s" });
    const patches = watch.listChanges("eight-vm", since);
    return report({ bench: "attach", name: "patches-of-eight", value: patches, unit: "patches", limit: PATCHES_LIMIT });
}
