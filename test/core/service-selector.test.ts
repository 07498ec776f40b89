import assert from "node:assert/strict";
import { matches, selectorOf } from "../../core/service/selector";

function vm(name: string, labels: Record<string, string> = {}) {
    return { name, labels: { ...labels, "kubevirt.io/vm": name } };
}

describe("the labels that a Service finds VMs by", () => {
    it("are the VM's name for one VM, whatever else it has", () => {
        assert.deepEqual(selectorOf([vm("a", { tier: "web" })]), { ok: true, value: { "kubevirt.io/vm": "a" } });
    });

    it("are all that several VMs share, and none of the others", () => {
        const vms = [
            vm("a", { tier: "web", app: "shop", zone: "1" }),
            vm("b", { app: "shop", tier: "web", zone: "1" }),
            vm("c", { app: "shop", tier: "web", zone: "2" }),
        ];
        const found = selectorOf(vms);
        assert.deepEqual(found, { ok: true, value: { app: "shop", tier: "web" } });
        assert.ok(found.ok);
        for (const { labels } of vms) {
            assert.ok(matches(found.value, labels));
        }
        assert.ok(!matches(found.value, vm("d", { app: "shop" }).labels));
        assert.ok(!matches(found.value, undefined));
    });

    it("are asked for where several VMs share none", () => {
        const found = selectorOf([vm("a", { tier: "web" }), vm("b", { tier: "db" })]);
        assert.ok(!found.ok);
        assert.match(found.rule, /a, b have none in common/);
        assert.match(found.remedy, /same label/);
    });

    it("are asked for where the template of a VM has none", () => {
        const found = selectorOf([{ name: "a", labels: {} }]);
        assert.ok(!found.ok);
        assert.match(found.remedy, /kubevirt\.io\/vm: a/);
    });
});
