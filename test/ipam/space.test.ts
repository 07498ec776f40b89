import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import type { Reservation } from "../../cluster/ipam/objects";
import { AddressSpace } from "../../cluster/ipam/space";
import { address, ownerOf, poolOf } from "./support/objects";

const MAC = "02:00:00:00:00:01";

describe("what a process knows of an address space", () => {
    const unknown = (): AddressSpace => AddressSpace.unreachable("nowhere", randomUUID());

    const held = (text: string, key: string, macAddress?: string): Reservation => ({
        metadata: { name: `s.v4-${text}` },
        spec: {
            address: text,
            family: "IPv4",
            space: "s",
            state: "Active",
            allocationId: randomUUID(),
            owner: ownerOf(key),
            ...(macAddress !== undefined && { macAddress }),
        },
    });

    it("forgets whose an address was, and with which MAC address, once it is another's", () => {
        const space = unknown();
        space.note(held("198.18.0.7", "prod/a/eth1", MAC));
        space.note(held("198.18.0.7", "prod/b/eth1"));
        assert.deepEqual(space.holdingsOf("prod/a/eth1"), []);
        assert.deepEqual(space.holdingsWith(MAC), []);
        assert.equal(space.holdingsOf("prod/b/eth1").length, 1);
    });

    it("keeps what others use from all but the owner that uses it", () => {
        const space = unknown();
        const [own, others] = ["198.18.0.1", "198.18.0.2"] as const;
        space.leaveOut(
            new Map([
                [own, [{ address: own, source: "VirtualMachines", holder: "NIC eth1", ownerKey: "prod/a/eth1" }]],
                [others, [{ address: others, source: "Nodes", holder: "Node n1" }]],
            ]),
        );
        assert.deepEqual(
            space.usedBy("prod/a/eth1").map(({ text }) => text),
            [own],
        );
        assert.equal(space.isForeign(address(own), "prod/a/eth1"), false);
        assert.equal(space.isForeign(address(own), "prod/b/eth1"), true);
        assert.equal(space.isForeign(address(others), "prod/a/eth1"), true);
        assert.equal(space.choiceOf(poolOf("s", "198.18.0.0/30"), "prod/b/eth1", 4), undefined);
    });
});
