import assert from "node:assert/strict";
import { freeHotplugPorts, type PciFacts } from "../../core/pci-capacity";

const GiB = 1024n ** 3n;

function free(kubevirtVersion: string, nicsAtBoot: number, rest: Partial<PciFacts> = {}): number | undefined {
    return freeHotplugPorts({ kubevirtVersion, nicsAtBoot, nicsNow: nicsAtBoot, memoryBytes: 1n * GiB, ...rest });
}

describe("pci capacity", () => {
    it("is four NICs in all before 1.6 (ReservedInterfaces)", () => {
        assert.deepEqual(
            [0, 1, 2, 3, 4, 5].map((nics) => free("v1.5.0", nics)),
            [0, 3, 2, 1, 0, 0],
        );
    });

    it("is three ports from 1.6 on, six above 2 GiB (docs/pci-topology.md)", () => {
        assert.deepEqual(
            [1, 4, 9].map((nics) => free("v1.6.0", nics)),
            [3, 3, 3],
        );
        assert.equal(free("v1.6.0", 1, { memoryBytes: 2n * GiB }), 3);
        assert.equal(free("v1.6.0", 1, { memoryBytes: 2n * GiB + 1n }), 6);
        assert.equal(free("v1.9.0", 4, { memoryBytes: 8n * GiB }), 6);
    });

    it("counts what was plugged since", () => {
        assert.equal(free("v1.9.0", 1, { nicsNow: 3 }), 1);
        assert.equal(free("v1.9.0", 1, { nicsNow: 9 }), 0);
        assert.equal(free("v1.9.0", 3, { nicsNow: 2 }), 3);
    });

    it("keeps a frozen slot count (kubevirt.io/pci-interface-slot-count)", () => {
        const annotations = { "kubevirt.io/pci-interface-slot-count": "11" };
        assert.equal(free("v1.9.0", 1, { annotations }), 10);
        assert.equal(free("v1.9.0", 11, { annotations }), 3);
    });

    it("is nothing on the root complex", () => {
        const annotations = { "kubevirt.io/placePCIDevicesOnRootComplex": "true" };
        for (const version of ["v1.5.0", "v1.6.0", "v1.9.0"]) {
            assert.equal(free(version, 1, { annotations }), 0);
        }
    });

    it("is unknown for an unreadable version", () => {
        assert.equal(free("main", 1), undefined);
        assert.equal(free("v1.9.0-rc.1", 1), 3);
    });
});
