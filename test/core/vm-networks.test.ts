import assert from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { type NicSpec } from "../../core/nic";
import {
    attachNics,
    entriesOf,
    type InterfaceEntry,
    listsOf,
    listsPatch,
    markAbsent,
    type NetworkEntry,
    type PatchOperation,
    removeNics,
    setLinkState,
    type VmLists,
} from "../../core/vm-networks";

const IN_PROD = { namespace: "prod" };

function nic(name: string, rest: Partial<NicSpec> = {}): NicSpec {
    return {
        name,
        type: "bridge",
        binding: "bridge",
        nadName: `prod/${name}`,
        macAddress: `02:00:00:00:00:${Buffer.from(name).subarray(0, 1).toString("hex")}`,
        model: "virtio",
        linkState: "up",
        ...rest,
    };
}

const POD = nic("pod", { type: "pod", binding: "masquerade", nadName: undefined });
const NONE: VmLists = { networks: undefined, interfaces: undefined };

/** RFC 6902 on members of objects, with the API server's reading of `test` against a missing member. */
function applied(document: object, patch: readonly PatchOperation[]): object {
    const copy = structuredClone(document);
    for (const { op, path, value } of patch) {
        const keys = path.split("/").slice(1);
        const last = keys.pop() as string;
        const parent = keys.reduce<Record<string, unknown>>(
            (at, key) => {
                assert.ok(typeof at[key] === "object" && at[key] !== null, `no ${key}`);
                return at[key] as Record<string, unknown>;
            },
            copy as Record<string, unknown>,
        );
        if (op === "test") {
            assert.ok(isDeepStrictEqual(parent[last] ?? null, value), `test of ${path} failed`);
        } else {
            assert.ok(op === "add" || last in parent, `replace of missing ${path}`);
            parent[last] = value;
        }
    }
    return copy;
}

/** What KubeVirt's controller leaves of a list once absent NICs are out of the instance (clearDetachedIfacesFromVM). */
function cleared({ networks = [], interfaces = [] }: VmLists): VmLists {
    const kept = interfaces.filter(({ state }) => state !== "absent");
    return { networks: networks.filter(({ name }) => kept.some((iface) => iface.name === name)), interfaces: kept };
}

/** Other people's NICs: any binding, unknown fields, names apart from ours. */
const foreign = fc
    .uniqueArray(
        fc.record({
            name: fc.stringMatching(/^other-[a-z0-9]{1,4}$/),
            binding: fc.constantFrom("bridge", "masquerade", "sriov", "binding"),
            extra: fc.option(fc.record({ bootOrder: fc.nat(9), tag: fc.string() }), { nil: undefined }),
            state: fc.constantFrom(undefined, "", "up", "down"),
        }),
        { selector: ({ name }) => name, maxLength: 5 },
    )
    .map((others): VmLists => ({
        networks: others
            .map(({ name }): NetworkEntry => ({ name, multus: { networkName: name }, unknown: { deep: [name] } }))
            .reverse(),
        interfaces: others.map(({ name, binding, extra, state }): InterfaceEntry => ({
            name,
            [binding]: {},
            ...(extra ?? {}),
            ...(state === undefined ? {} : { state }),
        })),
    }));
const ours = fc
    .uniqueArray(fc.constantFrom("a", "b", "c", "d", "e"), { minLength: 1 })
    .map((names) => names.map((name) => nic(name)));

describe("vm networks", () => {
    it("writes the entries KubeVirt documents, with model and MAC", () => {
        assert.deepEqual(entriesOf(nic("eth1")), {
            network: { name: "eth1", multus: { networkName: "prod/eth1" } },
            interface: { name: "eth1", bridge: {}, model: "virtio", macAddress: "02:00:00:00:00:65" },
        });
        assert.deepEqual(entriesOf({ ...POD, linkState: "down" }), {
            network: { name: "pod", pod: {} },
            interface: { name: "pod", masquerade: {}, model: "virtio", macAddress: "02:00:00:00:00:70", state: "down" },
        });
        assert.deepEqual(entriesOf(nic("fast", { type: "sriov", binding: "sriov" })).interface.sriov, {});
    });

    it("keeps other people's entries and their order, through every edit", () => {
        fc.assert(
            fc.property(foreign, ours, fc.boolean(), (lists, nics, first) => {
                const frozen = structuredClone(lists);
                const attached = attachNics(lists, nics, { ...IN_PROD, ...(first ? { first: nics[0]?.name } : {}) });
                const down = setLinkState(
                    attached.lists,
                    nics.map((of) => ({ ...of, linkState: "down" as const })),
                );
                for (const edit of [attached, down, markAbsent(down.lists, nics), removeNics(attached.lists, nics)]) {
                    assert.deepEqual(edit.conflicts, []);
                    const others = (list: readonly { name: string }[] | undefined): unknown[] =>
                        (list ?? []).filter(({ name }) => name.startsWith("other-"));
                    assert.deepEqual(others(edit.lists.networks), frozen.networks);
                    assert.deepEqual(others(edit.lists.interfaces), frozen.interfaces);
                }
                assert.deepEqual(lists, frozen);
            }),
        );
    });

    it("comes back to the start after attach, unplug and KubeVirt's clean-up, or removal", () => {
        fc.assert(
            fc.property(foreign, ours, (lists, nics) => {
                const attached = attachNics(lists, nics, IN_PROD).lists;
                assert.deepEqual(cleared(markAbsent(attached, nics).lists), lists);
                assert.deepEqual(removeNics(attached, nics).lists, lists);
            }),
        );
    });

    it("changes nothing the second time", () => {
        fc.assert(
            fc.property(foreign, ours, (lists, nics) => {
                const once = attachNics(lists, nics, IN_PROD);
                assert.deepEqual(
                    once.changed,
                    nics.map(({ name }) => name),
                );
                const twice = attachNics(once.lists, nics, IN_PROD);
                assert.deepEqual([twice.changed, listsPatch(once.lists, twice.lists)], [[], []]);
                const gone = markAbsent(once.lists, nics);
                assert.deepEqual(markAbsent(gone.lists, nics).changed, []);
                assert.deepEqual(removeNics(removeNics(once.lists, nics).lists, nics).changed, []);
            }),
        );
    });

    it("recognises its NIC in another spelling, with fields of others, and with a short network name", () => {
        const lists: VmLists = {
            networks: [{ name: "eth1", multus: { networkName: "eth1" } }],
            interfaces: [{ name: "eth1", bridge: {}, macAddress: "02-00-00-00-00-65", bootOrder: 2, state: "up" }],
        };
        const unset: VmLists = { ...lists, interfaces: lists.interfaces?.map((entry) => ({ ...entry, state: "" })) };
        for (const present of [lists, unset]) {
            const edit = attachNics(present, [nic("eth1")], IN_PROD);
            assert.deepEqual([edit.changed, edit.conflicts], [[], []]);
        }
    });

    it("brings only the link state of an equal NIC up to date", () => {
        const before = attachNics(NONE, [nic("a")], IN_PROD).lists;
        const edit = attachNics(before, [nic("a", { linkState: "down" })], IN_PROD);
        assert.deepEqual(edit.changed, ["a"]);
        assert.equal(edit.lists.interfaces?.[0]?.state, "down");
    });

    it("leaves a different NIC of the same name alone and says in what it differs", () => {
        const before = attachNics(NONE, [nic("a"), nic("b")], IN_PROD).lists;
        const edit = attachNics(
            before,
            [nic("a", { macAddress: "02:00:00:00:00:ff", nadName: "other/a", model: "e1000" }), nic("c")],
            IN_PROD,
        );
        assert.deepEqual(edit.changed, ["c"]);
        assert.deepEqual(edit.lists.interfaces?.slice(0, 2), before.interfaces);
        assert.deepEqual(edit.conflicts, [
            {
                name: "a",
                reason: "different",
                message:
                    'the VM has a NIC of that name with network "prod/a" instead of "other/a", ' +
                    'macAddress "02:00:00:00:00:61" instead of "02:00:00:00:00:ff", model "virtio" instead of "e1000"',
            },
        ]);
        const pods = attachNics(before, [{ ...POD, name: "a", macAddress: "02:00:00:00:00:61" }], IN_PROD).conflicts;
        assert.match(
            pods[0]?.message ?? "",
            /network "prod\/a" instead of "pod", binding "bridge" instead of "masquerade"/,
        );
    });

    it("does not take back an unplug under way", () => {
        const absent = markAbsent(attachNics(NONE, [nic("a")], IN_PROD).lists, [nic("a")]).lists;
        for (const edit of [attachNics(absent, [nic("a")], IN_PROD), setLinkState(absent, [nic("a")])]) {
            assert.deepEqual(
                edit.conflicts.map(({ reason }) => reason),
                ["detaching"],
            );
            assert.equal(edit.lists, absent);
        }
    });

    it("keeps the network's entry of an unplugged NIC, which KubeVirt needs", () => {
        const absent = markAbsent(attachNics(NONE, [nic("a")], IN_PROD).lists, [nic("a")]).lists;
        assert.deepEqual(absent.networks, [entriesOf(nic("a")).network]);
        assert.deepEqual(absent.interfaces, [{ ...entriesOf(nic("a")).interface, state: "absent" }]);
    });

    it("does not ask for an unplug KubeVirt refuses", () => {
        const sriov = nic("s", { type: "sriov", binding: "sriov" });
        const lists = attachNics(NONE, [POD, sriov, nic("a")], IN_PROD).lists;
        const edit = markAbsent(lists, [POD, sriov, nic("a")]);
        assert.deepEqual(edit.changed, ["a"]);
        assert.deepEqual(
            edit.conflicts.map(({ name, reason }) => [name, reason]),
            [
                ["pod", "not-detachable"],
                ["s", "not-detachable"],
            ],
        );
    });

    it("touches no NIC with another MAC", () => {
        const lists = attachNics(NONE, [nic("a")], IN_PROD).lists;
        const stranger = nic("a", { macAddress: "02:00:00:00:00:ff", linkState: "down" });
        for (const edit of [
            markAbsent(lists, [stranger]),
            removeNics(lists, [stranger]),
            setLinkState(lists, [stranger]),
        ]) {
            assert.deepEqual([edit.changed, edit.conflicts.map(({ reason }) => reason)], [[], ["different"]]);
            assert.equal(edit.lists, lists);
        }
    });

    it("has no link state for SR-IOV", () => {
        const sriov = nic("s", { type: "sriov", binding: "sriov", linkState: "up" });
        const lists = attachNics(NONE, [sriov], IN_PROD).lists;
        assert.deepEqual(
            setLinkState(lists, [{ ...sriov, linkState: "down" }]).conflicts.map(({ reason }) => reason),
            ["no-link-state"],
        );
        assert.deepEqual(setLinkState(lists, [sriov]).conflicts, []);
    });

    it("switches the link of any other NIC, the primary included, and back", () => {
        const lists = attachNics(NONE, [POD], IN_PROD).lists;
        const down = setLinkState(lists, [{ ...POD, linkState: "down" }]).lists;
        assert.equal(down.interfaces?.[0]?.state, "down");
        assert.equal(setLinkState(down, [{ ...POD, linkState: "up" }]).lists.interfaces?.[0]?.state, "up");
        assert.deepEqual(setLinkState(lists, [{ ...POD, linkState: "up" }]).changed, []);
    });

    it("puts the primary of a VM that is off first, and appends all others", () => {
        const names = (lists: VmLists): unknown[] => [
            lists.networks?.map(({ name }) => name),
            lists.interfaces?.map(({ name }) => name),
        ];
        const late = attachNics(attachNics(NONE, [nic("a")], IN_PROD).lists, [nic("b"), POD], {
            ...IN_PROD,
            first: "pod",
        }).lists;
        assert.deepEqual(names(late), [
            ["pod", "a", "b"],
            ["pod", "a", "b"],
        ]);
        assert.deepEqual(names(attachNics(late, [POD, nic("c")], { ...IN_PROD, first: "c" }).lists)[0], [
            "c",
            "pod",
            "a",
            "b",
        ]);
    });

    it("reads the lists of a VM, and of one without", () => {
        const lists = attachNics(NONE, [POD], IN_PROD).lists;
        const vm = {
            spec: {
                template: {
                    spec: {
                        networks: lists.networks ?? [],
                        domain: { devices: { interfaces: lists.interfaces ?? [] } },
                    },
                },
            },
        };
        assert.deepEqual(listsOf(vm), lists);
        assert.deepEqual(listsOf({ spec: { template: { spec: { domain: { devices: {} } } } } }), NONE);
        assert.deepEqual(listsOf({}), NONE);
    });

    describe("patch", () => {
        const vmOf = ({ networks, interfaces }: VmLists): object => ({
            spec: {
                runStrategy: "Always",
                template: {
                    spec: {
                        ...(networks === undefined ? {} : { networks }),
                        domain: { devices: { disks: [], ...(interfaces === undefined ? {} : { interfaces }) } },
                    },
                },
            },
        });

        it("tests and replaces both whole lists, as KubeVirt's own client does", () => {
            const before = attachNics(NONE, [POD], IN_PROD).lists;
            const after = attachNics(before, [nic("a")], IN_PROD).lists;
            assert.deepEqual(listsPatch(before, after), [
                { op: "test", path: "/spec/template/spec/networks", value: before.networks },
                { op: "replace", path: "/spec/template/spec/networks", value: after.networks },
                { op: "test", path: "/spec/template/spec/domain/devices/interfaces", value: before.interfaces },
                { op: "replace", path: "/spec/template/spec/domain/devices/interfaces", value: after.interfaces },
            ]);
        });

        it("tests for null and adds where a list is missing", () => {
            const after = attachNics(NONE, [POD], IN_PROD).lists;
            assert.deepEqual(
                listsPatch(NONE, after).map(({ op, value }) => [op, value]),
                [
                    ["test", null],
                    ["add", after.networks],
                    ["test", null],
                    ["add", after.interfaces],
                ],
            );
        });

        it("makes the one of the other, and fails on a list somebody else has changed", () => {
            fc.assert(
                fc.property(fc.oneof(foreign, fc.constant(NONE)), ours, (lists, nics) => {
                    const after = attachNics(lists, nics, IN_PROD).lists;
                    const patch = listsPatch(lists, after);
                    assert.deepEqual(applied(vmOf(lists), patch), vmOf(after));
                    const meanwhile = attachNics(lists, [nic("x")], IN_PROD).lists;
                    assert.throws(() => applied(vmOf(meanwhile), patch), /test of/);
                }),
            );
        });

        it("is empty for no change", () => {
            const lists = attachNics(NONE, [POD], IN_PROD).lists;
            assert.deepEqual(listsPatch(lists, attachNics(lists, [POD], IN_PROD).lists), []);
            assert.deepEqual(listsPatch(NONE, NONE), []);
        });
    });
});
