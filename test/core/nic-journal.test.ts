import assert from "node:assert/strict";
import { isAsWritten, journaledNics, journalPatch, type WrittenNic } from "../../core/nic-journal";
import type { VmLists } from "../../core/vm-networks";

const A = { name: "a", macAddress: "02:00:00:00:00:0a" };
const B = { name: "b", macAddress: "02:00:00:00:00:0b" };
const [WRITTEN_A, WRITTEN_B] = [A, B].map((nic): WrittenNic => ({ ...nic, nadName: "shop/lan", linkState: "up" })) as [
    WrittenNic,
    WrittenNic,
];
const JOURNAL_A = '{"a":{"macAddress":"02:00:00:00:00:0a","network":"shop/lan"}}';
const JOURNAL_BOTH = `${JOURNAL_A.slice(0, -1)},"b":{"macAddress":"02:00:00:00:00:0b","network":"shop/lan"}}`;
const PATH = "/metadata/annotations/vm.novasphere.dev~1nics";

function lists(...interfaces: { name: string; macAddress?: string; state?: string }[]): VmLists {
    return { networks: interfaces.map(({ name }) => ({ name })), interfaces };
}

function vm(journal: string): { metadata: { annotations: Record<string, string> } } {
    return { metadata: { annotations: { other: "kept", "vm.novasphere.dev/nics": journal } } };
}

describe("the journal of a VM's NICs", () => {
    it("takes in what is attached, beside what it has", () => {
        const patch = journalPatch(vm(JOURNAL_A), [WRITTEN_B], lists(A, B));
        assert.deepEqual(patch, [{ op: "add", path: PATH, value: JOURNAL_BOTH }]);
    });

    it("begins on a VM without annotations", () => {
        const value = { "vm.novasphere.dev/nics": JOURNAL_A };
        assert.deepEqual(journalPatch({ metadata: {} }, [WRITTEN_A], lists(A)), [
            { op: "add", path: "/metadata/annotations", value },
        ]);
    });

    it("forgets what leaves, and what is gone", () => {
        const both = vm(JOURNAL_BOTH);
        const without = [{ op: "add", path: PATH, value: JOURNAL_A }];
        assert.deepEqual(journalPatch(both, [], lists(A, { ...B, state: "absent" })), without);
        assert.deepEqual(journalPatch(both, [], lists(A)), without);
    });

    it("says nothing where nothing changes", () => {
        assert.deepEqual(journalPatch(vm(JOURNAL_A), [WRITTEN_A], lists(A, B)), []);
        assert.deepEqual(journalPatch({ metadata: {} }, [], lists(B)), []);
    });

    it("knows the NICs that it names, by name and MAC address in any notation", () => {
        const journal = vm(JOURNAL_BOTH);
        assert.deepEqual(journaledNics(journal, lists({ name: "a", macAddress: "02-00-00-00-00-0A" })), [A]);
    });

    it("does not know one of the name with another MAC address, nor one it does not name", () => {
        const journal = vm(JOURNAL_A);
        assert.deepEqual(journaledNics(journal, lists({ name: "a", macAddress: "02:00:00:00:00:ff" }, B)), []);
        assert.deepEqual(journaledNics(journal, lists({ name: "a" })), []);
    });

    describe("tells a NIC that is as it was last written from one that another has changed:", () => {
        const written = { name: "a", macAddress: "02:00:00:00:00:0A", bridge: {} };
        const network = { name: "a", multus: { networkName: "lan" } };
        const down = JOURNAL_A.replace("}}", ',"linkState":"down"}}');

        const table: [string, journal: string, VmLists, boolean][] = [
            ["as written", JOURNAL_A, { networks: [network], interfaces: [written] }, true],
            [
                "with its state written out",
                JOURNAL_A,
                { networks: [network], interfaces: [{ ...written, state: "up" }] },
                true,
            ],
            ["its link", JOURNAL_A, { networks: [network], interfaces: [{ ...written, state: "down" }] }, false],
            ["its link, which was down", down, { networks: [network], interfaces: [written] }, false],
            ["a link that was down", down, { networks: [network], interfaces: [{ ...written, state: "down" }] }, true],
            [
                "its MAC address",
                JOURNAL_A,
                { networks: [network], interfaces: [{ ...written, macAddress: B.macAddress }] },
                false,
            ],
            [
                "its network",
                JOURNAL_A,
                { networks: [{ name: "a", multus: { networkName: "dmz" } }], interfaces: [written] },
                false,
            ],
            ["another one", "{}", { networks: [network], interfaces: [written] }, false],
            ["none", JOURNAL_A, { networks: [], interfaces: [] }, false],
        ];
        for (const [what, journal, lists, expected] of table) {
            it(what, () => {
                assert.equal(isAsWritten(vm(journal), lists, "a", "shop"), expected);
            });
        }
    });

    for (const broken of ["", "null", "[]", "{", '"a"']) {
        it(`takes ${JSON.stringify(broken)} for an empty one`, () => {
            assert.deepEqual(journaledNics(vm(broken), lists(A)), []);
            assert.deepEqual(journalPatch(vm(broken), [WRITTEN_A], lists(A)), [
                { op: "add", path: PATH, value: JOURNAL_A },
            ]);
        });
    }
});
