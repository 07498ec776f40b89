import assert from "node:assert/strict";
import { cniConfig } from "../../core/cni-config";
import type { MacvlanNetworkSpec } from "../../core/cni/macvlan";
import { leaveOut, macvlanObstacle, namespaceObstacle } from "./obstacle";
import { OUTSIDE } from "./stand";
import { useStand } from "./use-stand";

const UPLINK: MacvlanNetworkSpec = { type: "macvlan", name: "uplink", master: "eth1" };

describe("a macvlan network, by the real CNI plugin, behind KubeVirt's bridge binding", function () {
    this.timeout(300_000);
    before(async function () {
        const obstacle = (await namespaceObstacle()) ?? (await macvlanObstacle());
        if (obstacle !== undefined) {
            leaveOut(this, obstacle);
        }
    });

    const suite = useStand();

    it("is added, checked and deleted", async () => {
        const { code, text } = await suite.stand.cni("add", UPLINK, "pod");
        assert.equal(code, 0, text);
        assert.deepEqual(await suite.stand.cni("check", UPLINK, "pod"), { code: 0, text: "" });
        assert.deepEqual(await suite.stand.cni("del", UPLINK, "pod"), { code: 0, text: "" });
        assert.doesNotMatch(await suite.stand.ipIn("pod", "link show"), /net1/);
    });

    it("passes frames between the guest and the host behind the uplink, both ways", async () => {
        const guest = await suite.stand.guest(UPLINK, "one", 11);
        assert.deepEqual(
            [await suite.stand.reaches(guest, OUTSIDE), await suite.stand.reaches("outside", guest.address)],
            [true, true],
        );
    });

    it("takes its parent for one VM: the next one fails, until the first has gone", async () => {
        const first = await suite.stand.cni("add", UPLINK, "one");
        assert.equal(first.code, 0, first.text);
        const second = await suite.stand.cni("add", { ...UPLINK, name: "other" }, "two");
        assert.notEqual(second.code, 0);
        assert.match(second.text, /failed to create macvlan: invalid argument/);
        assert.deepEqual(await suite.stand.cni("del", UPLINK, "one"), { code: 0, text: "" });
        const third = await suite.stand.cni("add", { ...UPLINK, name: "other" }, "two");
        assert.equal(third.code, 0, third.text);
    });

    for (const mode of ["bridge", "private", "vepa"]) {
        it(`would pass nothing in mode ${mode}, though the plugin succeeds: it is not rendered`, async () => {
            const rendered = JSON.parse(cniConfig(UPLINK)) as { mode: string };
            assert.equal(rendered.mode, "passthru");
            const config = JSON.stringify({ ...rendered, mode });
            const added = await suite.stand.cniRaw("add", UPLINK.name, config, "one", "02:4b:11:00:00:0b");
            assert.equal(added.code, 0, added.text);
            const guest = await suite.stand.bind("one", 11);
            assert.equal(await suite.stand.isHeard(guest, OUTSIDE), false);
        });
    }
});
