import assert from "node:assert/strict";
import { ClusterView } from "../support/cluster-view";
import { useNamespace } from "../support/embedded-cluster";
import { CliStack } from "../support/pulumi-process";

/** A VM with the NICs that PROGRAM names. */
const PROGRAM = `const { VirtualMachine } = require("pulumi-wukong");
const { namespace, networks } = JSON.parse(process.env.PROGRAM);
new VirtualMachine("web", { namespace, cpu: 1, memory: "64Mi", guestConfig: "none", networks });
`;

interface Planned {
    readonly vms: readonly {
        readonly vm: string;
        readonly impact: string;
        readonly changes: readonly { readonly action: string; readonly nic?: string; readonly impact: string }[];
    }[];
    readonly refusals: readonly string[];
}

describe("wukong plan", () => {
    const namespace = useNamespace("plan");
    let stack: CliStack;
    const pod = { name: "eth0", type: "pod" };
    const lan = { name: "eth1", type: "bridge", nadName: "lan" };

    const input = (...networks: object[]): object => ({ namespace: namespace.name, networks });

    before(async () => {
        await new ClusterView(namespace.clients, namespace.name).makeNad("lan");
        stack = await CliStack.create(PROGRAM);
    });

    after(async () => {
        await stack.succeed(stack.destroy());
        await stack.dispose();
    });

    /** What it prints as JSON, with its exit code. */
    async function plan(program: object, ...args: string[]): Promise<{ code: number | null; planned: Planned }> {
        const { code, text } = await stack.wukong(["plan", "--json", ...args], program);
        const end = text.lastIndexOf("}");
        return { code, planned: JSON.parse(text.slice(0, end + 1)) as Planned };
    }

    it("tells what a new VM and what a change of a running one cost, and ends by --max-impact", async () => {
        const first = await plan(input(pod));
        assert.equal(first.code, 0);
        assert.deepEqual(
            first.planned.vms.map(({ vm, impact }) => [vm, impact]),
            [[`${namespace.name}/web-vm`, "boot"]],
        );
        await stack.succeed(stack.up(input(pod)));

        const none = await stack.wukong(["plan"], input(pod));
        assert.deepEqual([none.code, none.text], [0, "The network of no VM changes.\n"]);

        const { code, planned } = await plan(input(pod, lan), "--max-impact", "first-boot-only", "--stack", "test");
        assert.equal(code, 3);
        const [changed] = planned.vms;
        assert.deepEqual(
            changed?.changes.map(({ action, nic }) => [action, nic]),
            [["attach", "eth1"]],
        );
        assert.match(changed.impact, /^live/);
    });

    it("fails with the sentence of what is refused", async () => {
        const { code, planned } = await plan(input(pod, { ...lan, nadName: "nowhere" }));
        assert.equal(code, 1);
        assert.equal(planned.refusals.length, 1);
        assert.match(planned.refusals[0] ?? "", /^NIC "eth1" of VM .* nadName .*nowhere.*\.$/);
    });
});
