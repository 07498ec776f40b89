import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { ClusterClient } from "../../cluster/client";
import { create, read, delete as remove } from "../../dynamic/ip-reservation/provider";
import type { IPReservationInputs, IPReservationState } from "../../dynamic/ip-reservation/inputs";
import { testKubeconfig } from "../support/embedded-cluster";

const SPACE = `refresh-${String(process.pid)}`;
const COUNT = 250;

describe("a refresh of many reservations", function () {
    this.timeout(120_000);
    let made: { id: string; outs: IPReservationState }[];

    before("reserve", async () => {
        const pool = { name: SPACE, space: SPACE, blocks: [{ cidr: "10.60.0.0/16" }] };
        const inputs = { connection: { kubeconfig: await testKubeconfig() }, space: SPACE, pool, manager: "a/b/c" };
        made = await inParallel(COUNT, async (index) => create(requestOf(inputs, index)));
    });

    after("release", async () => {
        await inParallel(COUNT, async (index) => {
            const { id, outs } = made[index]!;
            await remove(id, outs);
        });
    });

    it("[case 47] takes at most three requests, however many there are, and writes nothing", async () => {
        // As another process would, which has not seen them being made.
        const kubeconfig = readFileSync(await testKubeconfig(), "utf8");
        const request = Object.getOwnPropertyDescriptor(ClusterClient.prototype, "request")!;
        const requests: unknown[] = [];
        const original = request.value as ClusterClient["request"];
        ClusterClient.prototype.request = async function (...args) {
            requests.push(args.slice(0, 2).join(" "));
            return original.apply(this, args) as never;
        };
        try {
            const found = await inParallel(COUNT, async (index) => {
                const { id, outs } = made[index]!;
                return read(id, { ...outs, connection: { kubeconfig } });
            });
            assert.deepEqual(
                found.map(({ id }) => id),
                made.map(({ id }) => id),
            );
        } finally {
            Object.defineProperty(ClusterClient.prototype, "request", request);
        }
        assert.ok(requests.length <= 3, requests.join(", "));
        assert.ok(
            requests.every((each) => String(each).startsWith("GET ")),
            requests.join(", "),
        );
    });
});

function requestOf(
    inputs: Omit<IPReservationInputs, "owner" | "requested" | "address">,
    index: number,
): IPReservationInputs {
    const address = `10.60.0.${String(index + 1)}`;
    return { ...inputs, owner: `owner:${String(index)}`, requested: address, address };
}

async function inParallel<T>(count: number, work: (index: number) => Promise<T>): Promise<T[]> {
    return Promise.all(Array.from({ length: count }, async (_, index) => work(index)));
}
