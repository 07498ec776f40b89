import assert from "node:assert/strict";
import { after, before } from "mocha";
import { ClusterView } from "./cluster-view";
import { useNamespace, type TestNamespace } from "./embedded-cluster";
import { TestStack } from "./stack";
import { VmRecording } from "./vm-recording";

/** A stack of a test suite with a namespace for its VMs, usable once the suite's tests run. */
export interface StackFixture {
    readonly namespace: TestNamespace;
    readonly stack: TestStack;
    readonly view: ClusterView;
}

/**
 * Makes a namespace and a stack before the tests of the suite it is called in. After them it disposes of the stack, which
 * must leave nothing, and then removes the namespace.
 * @param handmade what tests make without the stack, which therefore leaves it: `Kind name`
 */
export function useStack(prefix: string, { handmade = [] }: { handmade?: readonly string[] } = {}): StackFixture {
    let made: { stack: TestStack; view: ClusterView } | undefined;
    // Hooks run in the order they are registered in. Without its namespace a stack would leave nothing, whatever it did.
    after("dispose of the stack", async () => {
        if (made) {
            await made.stack.dispose();
            const left = Object.keys(await made.view.everything()).filter((object) => !handmade.includes(object));
            assert.deepEqual(left, [], "nothing is left");
        }
    });
    const namespace = useNamespace(prefix);
    before("make the stack", async () => {
        made = { stack: await TestStack.create(), view: new ClusterView(namespace.clients, namespace.name) };
    });
    const usable = (): NonNullable<typeof made> => {
        if (made === undefined) {
            throw new Error("A suite's stack can be used by its tests only.");
        }
        return made;
    };
    return {
        namespace,
        get stack() {
            return usable().stack;
        },
        get view() {
            return usable().view;
        },
    };
}

/** Records the VMs of a suite's namespace while its tests run. */
export function useRecording(suite: StackFixture): () => VmRecording {
    let recording: VmRecording | undefined;
    before("start the recording", async () => {
        recording = await VmRecording.start(suite.view);
    });
    after("stop the recording", () => recording?.stop());
    return () => {
        if (recording === undefined) {
            throw new Error("A suite's recording can be used by its tests only.");
        }
        return recording;
    };
}
