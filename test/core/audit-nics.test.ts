import assert from "node:assert/strict";
import { auditedNics, type AuditedMachine } from "../../core/audit-nics";

const multus = (name: string, networkName: string): object => ({ name, multus: { networkName } });

function machine(networks: object[], interfaces: object[], status?: AuditedMachine["status"]): AuditedMachine {
    const spec = { networks, domain: { devices: { interfaces } } } as AuditedMachine["spec"];
    return { namespace: "prod", name: "web", spec, ...(status && { status }) };
}

describe("the NICs of an audit", () => {
    it("are each there once, of the VM and of its instance", () => {
        const vm = machine(
            [multus("eth1", "lan"), { name: "default", pod: {} }],
            [{ name: "eth1" }, { name: "default" }],
        );
        const vmi = machine(
            [multus("eth1", "lan"), multus("eth2", "infra/storage")],
            [{ name: "eth1", macAddress: "02:00:00:00:00:01" }],
            [{ name: "eth3" }, {}],
        );
        const nics = auditedNics([vm], [vmi]);
        assert.deepEqual(
            nics.map(({ key, network }) => [key, network]),
            [
                ["prod/web/eth1", "prod/lan"],
                ["prod/web/default", undefined],
                ["prod/web/eth2", "infra/storage"],
                ["prod/web/eth3", undefined],
            ],
        );
        assert.equal(nics[0]?.macAddress, "02:00:00:00:00:01");
    });

    it("have the MAC address that the VM declares, before what the instance has", () => {
        const vm = machine([multus("eth1", "lan")], [{ name: "eth1", macAddress: "02-00-00-00-00-0A" }]);
        const vmi = machine([multus("eth1", "lan")], [{ name: "eth1" }], [{ name: "eth1", mac: "02:00:00:00:00:0b" }]);
        assert.equal(auditedNics([vm], [vmi])[0]?.macAddress, "02:00:00:00:00:0a");
        assert.equal(auditedNics([], [vmi])[0]?.macAddress, "02:00:00:00:00:0b");
    });

    it("have what a guest agent reports only where one does", () => {
        const status = { name: "eth1", ipAddress: "198.18.0.5", ipAddresses: ["198.18.0.5", "fe80::1"] };
        const reportedBy = (infoSource: string): readonly string[] | undefined =>
            auditedNics([], [machine([multus("eth1", "lan")], [], [{ ...status, infoSource }])])[0]?.reported;
        assert.deepEqual(reportedBy("domain, guest-agent, multus-status"), ["198.18.0.5", "fe80::1"]);
        assert.equal(reportedBy("domain, multus-status"), undefined);
    });

    it("have each address once, by the status before cloud-init, on the networks that are asked for", () => {
        const volumes = [
            {
                cloudInitNoCloud: {
                    networkData: `{version: 2, ethernets: {x: {match: {macaddress: "02:00:00:00:00:01"}, addresses: [198.18.0.5/24, 198.18.0.6/24]}}}`,
                },
            },
        ];
        const both = machine([multus("eth1", "lan")], [{ name: "eth1", macAddress: "02:00:00:00:00:01" }]);
        const vm = { ...both, spec: { ...both.spec, volumes } };
        const vmi = { ...vm, status: [{ name: "eth1", ipAddress: "198.18.0.5" }] };
        const uses = [
            { nic: "eth1", address: "198.18.0.5", from: "status" },
            { nic: "eth1", address: "198.18.0.6", from: "cloud-init" },
        ];
        assert.deepEqual(auditedNics([vm], [vmi])[0]?.uses, uses);
        assert.deepEqual(auditedNics([vm], [vmi], new Set(["prod/lan"]))[0]?.uses, uses);
        assert.deepEqual(auditedNics([vm], [vmi], new Set(["prod/other"]))[0]?.uses, []);
    });
});
