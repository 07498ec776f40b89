import assert from "node:assert/strict";
import * as fc from "fast-check";
import type { ProxyPort } from "../../../core/service-proxy/model";
import { arbitraryState } from "../../core/service-proxy/arbitrary";
import { ourRules } from "./kernel-rules";
import { LAYOUTS, useLab } from "./use-lab";

for (const mode of LAYOUTS) {
    describe(`the rules in the kernel (${mode})`, function () {
        this.timeout(120_000);
        const suite = useLab(mode);

        it("are the same by many small changes as by a full load of the last state", async () => {
            const states = fc.array(arbitraryState(), { minLength: 2, maxLength: 5 });
            await fc.assert(
                fc.asyncProperty(states, async (series: ProxyPort[][]) => {
                    await suite.lab.apply();
                    for (const [index, ports] of series.entries()) {
                        const { kind } = await suite.lab.apply(...ports);
                        assert.notEqual(kind, "full", `state ${index}`);
                    }
                    const byChanges = await ourRules(suite.lab, mode);
                    await suite.lab.start(mode);
                    const { kind } = await suite.lab.apply(...series.at(-1)!);
                    assert.equal(kind, "full");
                    assert.deepEqual(byChanges, await ourRules(suite.lab, mode));
                }),
                { numRuns: 6 },
            );
        });
    });
}
