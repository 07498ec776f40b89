import assert from "node:assert/strict";
import { missingAddresses, observeNic } from "../../core/nic-observation";

describe("what the running VM shows of a NIC", () => {
    it("is nothing without an entry in the status", () => {
        assert.deepEqual(observeNic(undefined), {
            interfaceName: "",
            observedAddresses: [],
            observedLinkState: "",
        });
    });

    it("is the guest's name for it, its link and its addresses", () => {
        const status = { name: "eth1", interfaceName: "enp2s0", linkState: "down", ipAddresses: ["10.0.0.5"] };
        assert.deepEqual(observeNic(status), {
            interfaceName: "enp2s0",
            observedAddresses: ["10.0.0.5"],
            observedLinkState: "down",
        });
    });

    it("is canonical addresses, each once, without those that a NIC chooses itself", () => {
        const ipAddresses = ["2001:DB8:0::5", "2001:db8::5", "169.254.7.7", "fe80::1", "febf::1", "fec0::1", ""];
        assert.deepEqual(observeNic({ ipAddresses }).observedAddresses, ["2001:db8::5", "fec0::1"]);
    });

    it("is the one address where KubeVirt lists none", () => {
        assert.deepEqual(observeNic({ ipAddress: "10.0.0.5" }).observedAddresses, ["10.0.0.5"]);
        assert.deepEqual(observeNic({ ipAddress: "" }).observedAddresses, []);
    });
});

describe("the addresses that a guest does not have", () => {
    it("are told with those that it has", () => {
        assert.equal(
            missingAddresses(["10.0.0.5/24", "2001:db8::5/64"], ["10.0.0.9", "2001:db8::5"]),
            "the guest does not have 10.0.0.5, but 10.0.0.9, 2001:db8::5",
        );
    });

    it("are none where it has them all, whatever else it has", () => {
        assert.equal(missingAddresses(["10.0.0.5/24"], ["10.0.0.9", "10.0.0.5"]), undefined);
        assert.equal(missingAddresses([], ["10.0.0.9"]), undefined);
    });

    it("are not known where it reports none (kubevirt issue 12698)", () => {
        assert.equal(missingAddresses(["10.0.0.5/24"], []), undefined);
    });
});
