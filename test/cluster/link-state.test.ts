import * as assert from "node:assert/strict";
import { before, describe, it } from "mocha";
import { useNamespace } from "../support/embedded-cluster";
import { Machines } from "./virtual-machines";
import { condition, podNic, status } from "./vm-objects";

describe("link state", function () {
    this.timeout(60_000);
    const machines = new Machines(useNamespace("link"));
    const red = { name: "red", nad: "red", macAddress: "02:00:00:00:00:0a" };

    before(async () => {
        await machines.network("red");
    });

    it("F12 is what the spec says at start", async () => {
        await machines.run("f12", [podNic, { ...red, state: "down" }]);
        const vmi = await machines.vmi("f12");
        assert.equal(status(vmi, "default")?.linkState, "up");
        assert.equal(status(vmi, "red")?.linkState, "down");
    });

    it("F13 flips live, on the primary NIC too, and asks for no restart", async () => {
        await machines.run("f13", [podNic, { ...red, state: "down" }]);
        await machines.edit("f13", (interfaces, networks) => ({
            interfaces: interfaces.map((nic) => ({ ...nic, state: nic.name === "red" ? "up" : "down" })),
            networks,
        }));
        await machines.untilVmi(
            "f13",
            "to have both links flipped",
            (vmi) => status(vmi, "red")?.linkState === "up" && status(vmi, "default")?.linkState === "down",
        );
        assert.equal(condition(await machines.observed("f13"), "RestartRequired"), undefined);
    });

    it("F14 stays down over a migration", async () => {
        await machines.run("f14", [
            { ...podNic, state: "down" },
            { ...red, state: "down" },
        ]);
        await machines.migrate("f14");
        await machines.migrated("f14");
        const vmi = await machines.vmi("f14");
        assert.deepEqual(
            vmi.status?.interfaces?.map(({ name, linkState }) => [name, linkState]),
            [
                ["default", "down"],
                ["red", "down"],
            ],
        );
    });
});
