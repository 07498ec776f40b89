import assert from "node:assert/strict";
import { IMPACTS } from "../../core/impact";
import { isAbove, parseDigest, planOf, type PlannedImpact } from "../../core/plan";

const URN = "urn:pulumi:dev::shop::wukong:index:VirtualMachine$pulumi-nodejs:dynamic/wukong:PowerState::web-vm-power";
const TYPE = "pulumi-nodejs:dynamic/wukong:PowerState";

/** A step for the power state of a VM. */
function step(op: string, vm: string, changes?: object[]): object {
    const state = { type: TYPE, inputs: { namespace: "prod", vm, ...(changes && { changes }) } };
    return { op, urn: URN, ...(op === "delete" ? { oldState: state } : { newState: state }) };
}

function change(impact: PlannedImpact, nic = "eth1"): object {
    return { action: "attach", nic, impact, reason: "because" };
}

function plan(digest: object): ReturnType<typeof planOf> {
    const parsed = parseDigest(JSON.stringify(digest));
    assert.ok(parsed);
    return planOf(parsed);
}

describe("the plan in a preview", () => {
    it("has each VM whose network changes, with the heaviest of its changes", () => {
        const { vms } = plan({
            steps: [
                step("update", "web", [change("live"), change("restart", "eth2"), change("boot", "eth3")]),
                step("create", "db", [change("boot")]),
                { op: "create", urn: "urn", newState: { type: "kubernetes:core/v1:Secret", inputs: { changes: [] } } },
            ],
        });
        assert.deepEqual(
            vms.map(({ vm, impact, changes }) => [vm, impact, changes.length]),
            [
                ["prod/db", "boot", 1],
                ["prod/web", "restart", 3],
            ],
        );
    });

    it("leaves out what does not change: its changes are those of the last update", () => {
        assert.deepEqual(plan({ steps: [step("same", "web", [change("restart")]), step("update", "db", [])] }).vms, []);
    });

    it("counts the end of a VM, and its making anew, as a restart", () => {
        const { vms } = plan({
            steps: [
                step("delete", "web"),
                step("delete-replaced", "db"),
                step("replace", "db"),
                step("create-replacement", "db", [change("boot")]),
            ],
        });
        assert.deepEqual(
            vms.map(({ vm, impact, changes }) => [vm, impact, changes.map(({ action }) => action)]),
            [
                ["prod/db", "restart", ["replace", "attach"]],
                ["prod/web", "restart", ["delete"]],
            ],
        );
    });

    it("has each refusal once, without what the engine says around it", () => {
        const refusal = 'NIC "eth1" of VM "prod/web": nadName "gone" is refused: there is none; name one.';
        const { refusals } = plan({
            steps: [],
            diagnostics: [
                { urn: URN, severity: "warning", message: "a warning" },
                { urn: URN, severity: "error", message: `error: ${TYPE} resource 'eth1' has a problem: ${refusal}\n` },
                { urn: URN, severity: "error", message: `error: ${TYPE} resource 'eth1' has a problem: ${refusal}\n` },
                { severity: "error", message: "preview failed" },
            ],
        });
        assert.deepEqual(refusals, [refusal]);
        const crash =
            "error: Running program failed:\n    TypeError: x is not a function\n        at main (/a/b.js:1:2)\n";
        assert.deepEqual(plan({ diagnostics: [{ severity: "error", message: crash }] }).refusals, [
            "Running program failed: TypeError: x is not a function",
        ]);
    });

    it("is nothing for texts that are no digest", () => {
        for (const text of ["", "error: no stack selected", "[]", "null", "7"]) {
            assert.equal(parseDigest(text), undefined, text);
        }
        assert.deepEqual(plan({}), { vms: [], refusals: [] });
    });

    it("is held against what is allowed: what is not known is heavier than all but a refusal", () => {
        const order: PlannedImpact[] = ["none", "boot", "first-boot-only", "live", "live-migration", "restart"];
        for (const [index, allowed] of order.entries()) {
            const above = [...IMPACTS, "unknown" as const].filter((impact) => isAbove(impact, allowed as "none"));
            assert.deepEqual(above.sort(), [...order.slice(index + 1), "refused", "unknown"].sort());
        }
    });
});
