import assert from "node:assert/strict";
import type { ProxyPort } from "../../../core/service-proxy/model";
import { leaveOut, namespaceObstacle, programObstacle } from "../../cni/obstacle";
import { CURSORY_MS, IMPATIENT_MS, Lab, PATIENT_MS } from "./lab";
import type { DataplaneMode } from "./requests";

export const MODES: readonly DataplaneMode[] = ["nftables", "iptables-nft", "iptables-legacy"];

/** For what follows from the rules alone, which are the same for both programs of the name iptables. */
export const LAYOUTS: readonly DataplaneMode[] = ["nftables", "iptables-nft"];

/** A lab for the tests of a suite, with a dataplane in its node. */
export interface LabOfSuite {
    readonly lab: Lab;
    /**
     * Brings the rules to the ports and asks: the answer has to be the expected one, and another one without rules.
     * @param ask gets how long to wait for an answer
     */
    holds<T>(ports: readonly ProxyPort[], expected: T, ask: (patienceMs: number) => Promise<T>): Promise<void>;
}

/** The answers to questions that are asked at the same time, in their order. */
export async function all(...questions: Promise<string | string[]>[]): Promise<string[]> {
    return (await Promise.all(questions)).flat();
}

/** The lab of all suites of this run: to make one takes longer than most tests. */
let shared: Promise<Lab> | undefined;

after("take the lab away", async () => (await shared)?.dispose());

/** Starts a dataplane for the suite it is called in. Where no lab can be made, the suite is left out. */
export function useLab(mode: DataplaneMode): LabOfSuite {
    let made: Lab | undefined;

    before("start the dataplane", async function () {
        const obstacle = (await namespaceObstacle()) ?? (await programObstacle("nft", "iptables", "conntrack"));
        if (obstacle !== undefined) {
            leaveOut(this, obstacle);
        }
        shared ??= Lab.create();
        made = await shared;
        await made.start(mode);
    });

    afterEach("remove the rules", async () => made?.remove());

    const lab = (): Lab => {
        if (made === undefined) {
            throw new Error("A lab can be used by the suite's tests only.");
        }
        return made;
    };
    return {
        get lab() {
            return lab();
        },
        holds: async (ports, expected, ask) => {
            await lab().apply(...ports);
            assert.deepEqual(
                await ask(JSON.stringify(expected).includes("timeout") ? IMPATIENT_MS : PATIENT_MS),
                expected,
            );
            await lab().remove();
            assert.notDeepEqual(await ask(CURSORY_MS), expected, "without rules");
        },
    };
}
