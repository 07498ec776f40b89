import assert from "node:assert/strict";
import { journaledNics, journalPatch } from "../../core/nic-journal";
import type { VmLists } from "../../core/vm-networks";

const A = { name: "a", macAddress: "02:00:00:00:00:0a" };
const B = { name: "b", macAddress: "02:00:00:00:00:0b" };
const PATH = "/metadata/annotations/vm.novasphere.dev~1nics";

function lists(...interfaces: { name: string; macAddress?: string; state?: string }[]): VmLists {
    return { networks: interfaces.map(({ name }) => ({ name })), interfaces };
}

function vm(journal: string): { metadata: { annotations: Record<string, string> } } {
    return { metadata: { annotations: { other: "kept", "vm.novasphere.dev/nics": journal } } };
}

describe("the journal of a VM's NICs", () => {
    it("takes in what is attached, beside what it has", () => {
        const patch = journalPatch(vm('{"a":"02:00:00:00:00:0a"}'), [B], lists(A, B));
        const value = '{"a":"02:00:00:00:00:0a","b":"02:00:00:00:00:0b"}';
        assert.deepEqual(patch, [{ op: "add", path: PATH, value }]);
    });

    it("begins on a VM without annotations", () => {
        const value = { "vm.novasphere.dev/nics": '{"a":"02:00:00:00:00:0a"}' };
        assert.deepEqual(journalPatch({ metadata: {} }, [A], lists(A)), [
            { op: "add", path: "/metadata/annotations", value },
        ]);
    });

    it("forgets what leaves, and what is gone", () => {
        const both = vm('{"a":"02:00:00:00:00:0a","b":"02:00:00:00:00:0b"}');
        const without = [{ op: "add", path: PATH, value: '{"a":"02:00:00:00:00:0a"}' }];
        assert.deepEqual(journalPatch(both, [], lists(A, { ...B, state: "absent" })), without);
        assert.deepEqual(journalPatch(both, [], lists(A)), without);
    });

    it("says nothing where nothing changes", () => {
        assert.deepEqual(journalPatch(vm('{"a":"02:00:00:00:00:0a"}'), [A], lists(A, B)), []);
        assert.deepEqual(journalPatch({ metadata: {} }, [], lists(B)), []);
    });

    it("knows the NICs that it names, by name and MAC address in any notation", () => {
        const journal = vm('{"a":"02:00:00:00:00:0a","b":"02:00:00:00:00:0b"}');
        assert.deepEqual(journaledNics(journal, lists({ name: "a", macAddress: "02-00-00-00-00-0A" })), [A]);
    });

    it("does not know one of the name with another MAC address, nor one it does not name", () => {
        const journal = vm('{"a":"02:00:00:00:00:0a"}');
        assert.deepEqual(journaledNics(journal, lists({ name: "a", macAddress: "02:00:00:00:00:ff" }, B)), []);
        assert.deepEqual(journaledNics(journal, lists({ name: "a" })), []);
    });

    for (const broken of ["", "null", "[]", "{", '"a"']) {
        it(`takes ${JSON.stringify(broken)} for an empty one`, () => {
            assert.deepEqual(journaledNics(vm(broken), lists(A)), []);
            assert.deepEqual(journalPatch(vm(broken), [A], lists(A)), [
                { op: "add", path: PATH, value: '{"a":"02:00:00:00:00:0a"}' },
            ]);
        });
    }
});
