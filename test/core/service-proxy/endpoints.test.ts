import assert from "node:assert/strict";
import { endpointsOf } from "../../../core/service-proxy/endpoints";
import { factsOf, instance, reserved, serviceOf, shown, verdict } from "./endpoint-objects";

const READY = "ready/serving";
const both = serviceOf({ ipFamilies: ["IPv4", "IPv6"] });

describe("the endpoints of a Service in front of VMs", () => {
    it("are the VMs that its labels choose in its namespace, by name", () => {
        const report = endpointsOf(
            serviceOf(),
            factsOf([
                instance("b", { addresses: ["192.0.2.2"] }),
                instance("a", { addresses: ["192.0.2.1"] }),
                instance("c", { labels: { app: "db" } }),
                instance("d", { namespace: "test", addresses: ["192.0.2.4"] }),
            ]),
        );
        assert.deepEqual(
            report.vms.map(({ vm, uid }) => [vm, uid]),
            [
                ["a", "uid-of-a"],
                ["b", "uid-of-b"],
            ],
        );
        assert.deepEqual(shown(report), [`192.0.2.1 ${READY}`, `192.0.2.2 ${READY}`]);
    });

    for (const [phase, said] of [
        ["Scheduling", "in phase Scheduling"],
        ["Succeeded", "in phase Succeeded"],
        ["Failed", "in phase Failed"],
        ["", "new"],
    ] as const) {
        it(`are none of a VM whose phase is ${phase || "empty"}`, () => {
            const { endpoints, why } = verdict(instance("web", { phase }));
            assert.deepEqual(endpoints, []);
            assert.deepEqual(why, [
                `VM web is no endpoint: its instance is ${said}, and only one that is Running counts.`,
            ]);
        });
    }

    it("are none of a VM that is paused", () => {
        const conditions = [{ type: "Paused", status: "True", lastTransitionTime: "2026-01-01T00:00:00Z" }];
        const { endpoints, why } = verdict(instance("web", { conditions }));
        assert.deepEqual(endpoints, []);
        assert.deepEqual(why, ["VM web is no endpoint: it is paused."]);
    });

    for (const [what, changes, clause] of [
        ["on another network", { network: "test/lan" }, "it has no NIC on network prod/lan"],
        ["that is being detached", { state: "absent" }, "its NIC eth1 on network prod/lan is being detached"],
        ["whose link is down", { state: "down" }, "the link of its NIC eth1 on network prod/lan is down"],
        [
            "that the pod has and the guest not yet",
            { infoSource: "multus-status" },
            "its NIC eth1 on network prod/lan is not attached: KubeVirt does not report it in the domain",
        ],
    ] as const) {
        it(`are none of a VM with a NIC ${what}`, () => {
            const { endpoints, why } = verdict(instance("web", changes));
            assert.deepEqual(endpoints, []);
            assert.deepEqual(why, [`VM web is no endpoint: ${clause}.`]);
        });
    }

    it("are none of a VM whose NIC is gone from the status alone", () => {
        const { spec, metadata, status } = instance("web");
        const vmi = { spec, metadata, status: { ...status, interfaces: [] } };
        assert.match(verdict(vmi).why.join(), /eth1 on network prod\/lan is not attached/);
    });

    describe("have their address", () => {
        it("from the reservation of the NIC, whatever the guest reports", () => {
            const vmi = instance("web", { addresses: ["192.0.2.99"] });
            const reservations = [reserved("web", "192.0.2.7")];
            assert.deepEqual(verdict(vmi, serviceOf(), { reservations }).endpoints, [`192.0.2.7 ${READY}`]);
        });

        it("from the first of several reservations in the family", () => {
            const second = reserved("web", "192.0.2.3", { owner: { key: "prod/web/eth1#2" } });
            const first = reserved("web", "192.0.2.8", { owner: { key: "prod/web/eth1#1" } });
            const other = reserved("web", "2001:db8::8");
            for (const reservations of [
                [second, first, other],
                [other, first, second],
            ]) {
                const { endpoints } = verdict(instance("web"), both, { reservations });
                assert.deepEqual(endpoints, [`192.0.2.8 ${READY}`, `2001:db8::8 ${READY}`]);
            }
        });

        it("from the guest agent where none is reserved, released ones and those of other NICs and networks apart", () => {
            const reservations = [
                reserved("web", "192.0.2.1", { state: "Released" }),
                reserved("web", "192.0.2.2", { owner: { key: "prod/web/eth2" } }),
                reserved("web", "192.0.2.3", { network: "prod/dmz" }),
                reserved("web", "192.0.2.4", { owner: { key: "owner:printer" } }),
            ];
            const { endpoints } = verdict(instance("web"), serviceOf(), { reservations });
            assert.deepEqual(endpoints, [`192.0.2.10 ${READY}`]);
        });

        it("never from what an EndpointSlice may not hold, or what a NIC chooses itself", () => {
            const addresses = ["127.0.0.1", "169.254.1.1", "224.0.0.1", "0.0.0.0", "fe80::1", "::1", "ff02::1", "::"];
            const { endpoints, why } = verdict(instance("web", { addresses }), both);
            assert.deepEqual(endpoints, []);
            assert.match(
                why.join(),
                /no active IPReservation of prod\/web\/eth1 has an IPv4 address, and its guest agent/,
            );
        });

        for (const address of ["169.254.7.7", "127.0.0.2", "224.0.0.9"]) {
            it(`never from a reservation of ${address}, which would keep all others out of their slice`, () => {
                const { endpoints } = verdict(instance("web"), serviceOf(), {
                    reservations: [reserved("web", address)],
                });
                assert.deepEqual(endpoints, [`192.0.2.10 ${READY}`]);
            });
        }

        it("never from a guest that claims what is reserved for another NIC of the network", () => {
            const reservations = [reserved("db", "192.0.2.10")];
            const { endpoints, why } = verdict(instance("web"), serviceOf(), { reservations });
            assert.deepEqual(endpoints, []);
            assert.match(
                why.join(),
                /and 192\.0\.2\.10, which its guest agent reports, is reserved for prod\/db\/eth1\.$/,
            );
        });

        it("of an instance alone: of two that report the same, the one it is reserved for has it, or the first", () => {
            const vms = [instance("a"), instance("b")];
            const [first, second] = endpointsOf(serviceOf(), factsOf(vms)).vms;
            assert.deepEqual([first?.endpoints.length, second?.endpoints.length], [1, 0]);
            assert.deepEqual(second?.why, ["VM b is no endpoint with 192.0.2.10: VM a has that address."]);
            const reservations = [reserved("b", "192.0.2.10", { network: undefined })];
            const report = endpointsOf(serviceOf(), factsOf(vms, { reservations }));
            assert.deepEqual(
                report.vms.map(({ endpoints }) => endpoints.length),
                [0, 1],
            );
        });
    });

    it("are of the Service's families, with a word on what is missing", () => {
        const { endpoints, why } = verdict(instance("web"), both);
        assert.deepEqual(endpoints, [`192.0.2.10 ${READY}`]);
        assert.match(why.join(), /^VM web is not reached in every family: .* IPv6 address/);
        const dual = instance("web", { addresses: ["192.0.2.10", "2001:db8::10"] });
        assert.deepEqual(verdict(dual).endpoints, [`192.0.2.10 ${READY}`]);
        assert.deepEqual(verdict(dual, both).endpoints, [`192.0.2.10 ${READY}`, `2001:db8::10 ${READY}`]);
    });

    describe("know their subnet", () => {
        const subnetOf = (changes: Parameters<typeof factsOf>[1], addresses = ["192.0.2.10"]): string | undefined =>
            endpointsOf(serviceOf(), factsOf([instance("web", { addresses })], changes)).vms[0]?.endpoints[0]?.subnet;
        const pools = [
            { name: "wide", space: "lan-100", blocks: [{ cidr: "192.0.0.0/16" }] },
            { name: "lan-pool", space: "lan-100", blocks: [{ cidr: "198.51.100.0/24" }, { cidr: "192.0.2.0/25" }] },
            { name: "elsewhere", space: "other", blocks: [{ cidr: "192.0.2.8/29" }] },
        ];

        it("by the block of their pool, else of a pool of their space, the smallest", () => {
            assert.equal(
                subnetOf({ pools, reservations: [reserved("web", "192.0.2.9", { pool: "wide" })] }),
                "192.0.0.0/16",
            );
            assert.equal(
                subnetOf({ pools, reservations: [reserved("web", "192.0.2.9", { pool: undefined })] }),
                "192.0.2.0/25",
            );
        });

        it("by the pools of the spaces that are used on the network, where the guest reports the address", () => {
            assert.equal(subnetOf({ pools, reservations: [reserved("db", "192.0.2.9")] }), "192.0.2.0/25");
        });

        it("as the address alone where no pool has it, and say so where it matters", () => {
            assert.equal(subnetOf({ pools }), "192.0.2.10/32");
            const same = serviceOf({}, { "vm.novasphere.dev/masquerade": "SameSubnet" });
            assert.match(verdict(instance("web"), same, { pools }).why.join(), /no IPPool has 192\.0\.2\.10/);
            assert.deepEqual(verdict(instance("web"), serviceOf(), { pools }).why, []);
        });
    });
});
