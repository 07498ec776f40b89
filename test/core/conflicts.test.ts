import assert from "node:assert/strict";
import {
    addressConflicts,
    type ForeignAddress,
    foreignHolders,
    type ForeignUse,
    poolConflicts,
    unreadableProblems,
} from "../../core/conflicts";
import { FreeAddresses } from "../../core/free-addresses";
import { compilePool, type PoolBlock, usedAddresses } from "../../core/pool";
import { describe as sentence } from "../../core/problem";

const NONE: ForeignUse = { addresses: [], networks: [], unreadable: [] };

function pool(...blocks: PoolBlock[]): ReturnType<typeof compilePool> {
    return compilePool({ name: "lan", space: "lan", blocks });
}

function use(address: string, holder: string, ownerKey?: string): ForeignAddress {
    return { address, source: "VirtualMachines", holder, ...(ownerKey === undefined ? {} : { ownerKey }) };
}

const place = { vm: "prod/web", nic: "eth1", field: "ipConfig.address" };
const service = use("10.0.0.5", "Service prod/web (clusterIP)");
const status = use("10.0.0.6", "NIC eth1 of VMI prod/db (status)", "prod/db/eth1");
const cloudInit = use("10.0.0.6", "NIC eth1 of VM prod/db (cloud-init)", "prod/db/eth1");
const holders = foreignHolders({ ...NONE, addresses: [service, status, cloudInit] });

describe("conflicts", () => {
    describe("of an address asked for by name [case 53]", () => {
        it("name the holder, and the place where the address is written", () => {
            const [problem, ...others] = addressConflicts(holders, "10.0.0.5/24", place);
            assert.deepEqual(others, []);
            assert.deepEqual(problem, {
                ...place,
                value: "10.0.0.5/24",
                rule: "the address is in use by Service prod/web (clusterIP)",
                remedy: "choose another address, or leave it out to get a free one",
            });
        });

        it("name the use of a NIC once", () =>
            assert.match(
                addressConflicts(holders, "10.0.0.6", place)[0]?.rule ?? "",
                /in use by NIC eth1 of VMI prod\/db \(status\)$/,
            ));

        it("name no more than three holders", () => {
            const crowd = foreignHolders({
                ...NONE,
                addresses: ["a", "b", "c", "d", "e"].map((name) =>
                    use("10.0.0.5", `Service prod/${name} (externalIP)`),
                ),
            });
            const rule = addressConflicts(crowd, "10.0.0.5", place)[0]?.rule ?? "";
            assert.match(rule, /prod\/a .*prod\/b .*prod\/c \(externalIP\) and 2 more$/);
        });

        it("are none where nobody, or the NIC itself, uses it", () => {
            for (const [address, owner] of [
                ["10.0.0.7"],
                ["10.0.0.6", "prod/db/eth1"],
                ["10.0.0.6", "prod/db/eth1#2"],
                ["10.0.0.256"],
                [""],
            ] as const) {
                assert.deepEqual(addressConflicts(holders, address, place, owner), [], address);
            }
            for (const owner of ["prod/db/eth2", "prod/db/eth", "owner:prod/db/eth1"]) {
                assert.equal(addressConflicts(holders, "10.0.0.6", place, owner).length, 1, owner);
            }
            assert.equal(addressConflicts(holders, "10.0.0.5", place, "prod/db/eth1").length, 1);
        });

        it("are seen in any spelling of the address", () => {
            const six = foreignHolders({ ...NONE, addresses: [use("2001:db8::5", "Node n1 (InternalIP)")] });
            assert.equal(addressConflicts(six, "2001:DB8:0::5/64", place).length, 1);
        });
    });

    it("leave addresses in use out of automatic choices [case 53]", () => {
        const three = pool({ cidr: "10.0.0.4/30", allocateReserved: true });
        const free = new FreeAddresses(three, usedAddresses(three, holders.keys()));
        const given = Array.from({ length: 100 }, (_none, n) => free.choiceOf(`prod/vm-${String(n)}/eth1`, 4));
        assert.deepEqual([...new Set(given.map((address) => address?.text))].sort(), ["10.0.0.4", "10.0.0.7"]);
    });

    describe("of a pool [case 19]", () => {
        const networks: ForeignUse["networks"] = [
            { cidr: "10.96.0.0/16", source: "Services", holder: 'ServiceCIDR "kubernetes"' },
            { cidr: "10.244.0.0/24", source: "Nodes", holder: "podCIDR of Node n1" },
            { cidr: "10.244.1.0/24", source: "Nodes", holder: "podCIDR of Node n2" },
            { cidr: "fd00:96::/108", source: "Services", holder: 'ServiceCIDR "kubernetes"' },
        ];
        const found = { ...NONE, networks };

        it("with the ServiceCIDR is an error under Enforce that names both networks and the holder", () => {
            const [problem, ...others] = poolConflicts(found, pool({ cidr: "10.96.4.0/24" }), "Enforce");
            assert.deepEqual(others, []);
            assert.ok(problem !== undefined && problem.severity === undefined);
            const text = sentence(problem);
            for (const part of [
                'IPPool "lan"',
                "blocks[0].cidr",
                "10.96.4.0/24",
                "10.96.0.0/16",
                'ServiceCIDR "kubernetes"',
            ]) {
                assert.ok(text.includes(part), `${part} in: ${text}`);
            }
        });

        it("is a warning under Warn, and nothing under Off", () => {
            const inside = pool({ cidr: "10.244.0.0/23" });
            const [problem] = poolConflicts(found, inside, "Warn");
            assert.equal(problem?.severity, "warning");
            assert.match(
                problem.rule,
                /^10\.244\.0\.0\/23 overlaps 10\.244\.0\.0\/24 \(podCIDR of Node n1\), 10\.244\.1\.0\/24 \(podCIDR of Node n2\),/,
            );
            assert.deepEqual(poolConflicts(found, inside, "Off"), []);
        });

        it("counts each block, and tells families apart", () => {
            const both = pool({ cidr: "192.168.0.0/24" }, { cidr: "10.96.255.0/24" }, { cidr: "fd00:96::/112" });
            assert.deepEqual(
                poolConflicts(found, both, "Enforce").map(({ field }) => field),
                ["blocks[1].cidr", "blocks[2].cidr"],
            );
            // The IPv6 network with the numbers of 10.96.0.0/16.
            assert.deepEqual(poolConflicts(found, pool({ cidr: "::a60:0/112" }), "Enforce"), []);
        });

        const clear: [string, PoolBlock][] = [
            ["ends before the network", { cidr: "10.95.255.0/24" }],
            ["begins behind it", { cidr: "10.97.0.0/24" }],
            ["lies around it and excludes it", { cidr: "10.96.0.0/15", exclude: ["10.96.0.0/16"] }],
            ["lies around it and has ranges elsewhere", { cidr: "10.96.0.0/15", ranges: ["10.97.0.1-10.97.0.9"] }],
        ];
        for (const [what, block] of clear) {
            it(`is none where the pool ${what}`, () =>
                assert.deepEqual(poolConflicts(found, pool(block), "Enforce"), []));
        }

        const touching: [string, PoolBlock][] = [
            ["lies around it", { cidr: "10.0.0.0/8", exclude: ["10.244.0.0/16"] }],
            ["shares its first address", { cidr: "10.64.0.0/10", ranges: ["10.95.0.0-10.96.0.0"] }],
            ["shares its last address", { cidr: "10.64.0.0/10", ranges: ["10.96.255.255-10.97.0.0"] }],
            [
                "excludes all but one of it",
                { cidr: "10.96.0.0/16", exclude: ["10.96.0.0-10.96.0.6", "10.96.0.8-10.96.255.255"] },
            ],
        ];
        for (const [what, block] of touching) {
            it(`is one where the pool ${what}`, () =>
                assert.equal(poolConflicts(found, pool(block), "Enforce").length, 1));
        }
    });

    describe("that cannot be told [case 55]", () => {
        const unreadable = {
            ...NONE,
            unreadable: [{ source: "Nodes" as const, sentence: "cannot list nodes: it is forbidden." }],
        };
        const at = { subject: 'IPPool "lan"', field: "conflicts" };

        it("are an error under Enforce, a warning under Warn", () => {
            const [error] = unreadableProblems(unreadable, "Enforce", at);
            const [warning] = unreadableProblems(unreadable, "Warn", at);
            assert.deepEqual([error?.severity, warning?.severity], [undefined, "warning"]);
            assert.match(
                sentence(error!),
                /^IPPool "lan": conflicts is refused: addresses in use cannot be told: cannot list nodes: it is forbidden; .*leave Nodes out/,
            );
            assert.match(sentence(warning!), /is doubtful.*cannot list nodes/);
            assert.deepEqual(unreadableProblems(unreadable, "Off", at), []);
        });

        it("are none where all was read", () => assert.deepEqual(unreadableProblems(NONE, "Enforce", at), []));
    });
});
