import * as k8s from "@kubernetes/client-node";
import { median, report, seconds } from "./figure";
import type { Setting } from "./setting";

const NAMESPACE = "bench-ipam";
const ROUNDS = 3;
const COUNT = 500;
const LIMIT = 1.1;
const POOL = "bench-ipam";

/** One `pulumi up` with many reservations, beside one with as many custom resources of the kubernetes provider. */
export async function updates({ config, stack }: Setting): Promise<boolean> {
    const api = config.makeApiClient(k8s.CustomObjectsApi);
    const kind = { group: "vm.novasphere.dev", version: "v1alpha1", plural: "ippools" };
    await api.createClusterCustomObject({
        ...kind,
        body: {
            apiVersion: "vm.novasphere.dev/v1alpha1",
            kind: "IPPool",
            metadata: { name: POOL },
            spec: { space: POOL, blocks: [{ cidr: "10.0.0.0/16" }] },
        },
    });
    const bench = await stack(NAMESPACE);
    const nothing = { virtualMachines: {} };
    const ours: number[] = [];
    const bare: number[] = [];
    await bench.up({ ...nothing, reservations: { pool: POOL, count: 1 } });
    await bench.up({ ...nothing, customResources: { space: POOL, count: 1 } });
    for (let round = 1; round <= ROUNDS; round += 1) {
        await bench.up(nothing);
        bare.push(await seconds(() => bench.up({ ...nothing, customResources: { space: POOL, count: COUNT } })));
        await bench.up(nothing);
        ours.push(await seconds(() => bench.up({ ...nothing, reservations: { pool: POOL, count: COUNT } })));
    }
    await bench.up(nothing);
    const ratio = median(ours.map((each, round) => each / (bare[round] ?? NaN)));
    report({ bench: "ipam", name: `up-of-${String(COUNT)}-custom-resources`, value: median(bare), unit: "s" });
    return report({
        bench: "ipam",
        name: `up-of-${String(COUNT)}-reservations`,
        value: median(ours),
        unit: "s",
        ratio,
        limit: LIMIT,
    });
}
