import assert from "node:assert/strict";
import { AddressRecords, ago, clearAfterwards, recordingClient, uniqueName } from "../ipam/query-objects";
import { wukong, wukongHere } from "./wukong";

describe("wukong ipam release", () => {
    const space = uniqueName("release-a");
    const other = uniqueName("release-b");
    const pool = uniqueName("release-pool");
    let records: AddressRecords;
    let kept: { retain: true; state: "Released"; releasedAt: string; releaseReason: string };

    before(async () => {
        const client = await recordingClient();
        records = new AddressRecords(client, space);
        kept = { retain: true, state: "Released", releasedAt: ago(client, 3600), releaseReason: "deleted" };
        await records.pool(pool, { blocks: [{ cidr: "198.18.51.0/28" }], releaseGraceSeconds: 300 });
        await records.reserve({ address: "198.18.51.2", owner: "prod/web/eth1", pool });
    });

    clearAfterwards(
        () => records,
        () => [space, other],
    );

    const states = async (): Promise<string[]> => {
        const { stdout } = await wukongHere(["ipam", "list", "--space", space, "-o", "json"]);
        return (JSON.parse(stdout) as { address: string; state: string }[]).map((each) => {
            return `${each.address} ${each.state}`;
        });
    };

    it("[case 39] gives up an address that is kept for its owner", async () => {
        await records.reserve({ ...kept, address: "198.18.51.3", owner: "prod/gone/eth1" });
        assert.deepEqual(await wukong(["ipam", "release", "198.18.51.3"]), {
            code: 0,
            stdout: "",
            stderr: `198.18.51.3 of space ${space} is no longer kept for prod/gone/eth1: it is free.\n`,
        });
        assert.deepEqual(await states(), ["198.18.51.2 Active"]);
    });

    it("[case 39] lets it rest as long as its pool says", async () => {
        await records.reserve({ ...kept, address: "198.18.51.4", owner: "prod/gone/eth1", pool });
        const { code, stderr } = await wukongHere(["ipam", "release", "198.18.51.4"]);
        assert.equal(code, 0);
        assert.match(stderr, /for prod\/gone\/eth1: it rests for 300 s, and is free then\.\n$/);
        assert.deepEqual(await states(), ["198.18.51.2 Active", "198.18.51.4 Quarantined"]);
    });

    it("leaves an address in use alone, and says whose it is", async () => {
        const { code, stderr } = await wukongHere(["ipam", "release", "198.18.51.2", "--space", space]);
        const said = `The address 198.18.51.2 is kept for nobody: in space ${space} it is Active, of prod/web/eth1.\n`;
        assert.deepEqual([code, stderr], [1, said]);
        assert.ok((await states()).includes("198.18.51.2 Active"));
    });

    it("asks which, where an address is kept in several spaces", async () => {
        for (const each of [space, other]) {
            await records.reserve({ ...kept, address: "198.18.51.5", owner: "owner:ann", space: each });
        }
        const refused = await wukongHere(["ipam", "release", "198.18.51.5"]);
        assert.equal(refused.code, 1);
        assert.match(refused.stderr, /is kept in several spaces: .*\. Name one\.\n$/);
        assert.ok((await states()).includes("198.18.51.5 Retained"));
        assert.equal((await wukongHere(["ipam", "release", "198.18.51.5", "--space", other])).code, 0);
        assert.equal((await wukongHere(["ipam", "release", "198.18.51.5"])).code, 0);
    });

    it("refuses what is no address", async () => {
        assert.equal((await wukongHere(["ipam", "release", "198.18.51.0/28"])).code, 64);
    });
});
