import * as path from "node:path";
import { ensurePrograms } from "../../scripts/toolchain";
import { leaveOut, namespaceObstacle } from "./obstacle";
import { Stand } from "./stand";

/**
 * Gives each test of the suite it is called in a stand of its own, and takes it away after the test. The plugins are built
 * the first time. Where stands cannot be made, the suite is left out.
 * @param bridge name of a bridge to put the uplink into
 */
export function useStand({ bridge }: { bridge?: string } = {}): { readonly stand: Stand } {
    let programs = "";
    let made: Stand | undefined;

    before("build the CNI plugins", async function () {
        this.timeout(600_000);
        const obstacle = await namespaceObstacle();
        if (obstacle !== undefined) {
            leaveOut(this, obstacle);
        }
        const { cnitool } = await ensurePrograms(["cnitool", "bridge", "macvlan"]);
        programs = path.dirname(cnitool);
    });

    beforeEach("make the stand", async () => {
        made = await Stand.create(programs, bridge === undefined ? {} : { bridge });
    });

    afterEach("take the stand away", async () => {
        await made?.dispose();
        made = undefined;
    });

    return {
        get stand() {
            if (made === undefined) {
                throw new Error("A stand can be used by the suite's tests only.");
            }
            return made;
        },
    };
}
