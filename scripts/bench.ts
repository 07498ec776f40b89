import { attach } from "./bench/attach";
import { ipam } from "./bench/ipam";
import { proxy } from "./bench/proxy";
import { scale } from "./bench/scale";
import { type Setting, withSetting } from "./bench/setting";
import { state } from "./bench/state";
import { Refusal, runCommand } from "./command";

// `npm run bench -- <name>`: that benchmark; without a name, all. A line for each figure, and exit code 1 where one is short
// of its limit. What a limit compares is measured in the same run.

/** Each reports its figures and tells whether all of them keep their limits. */
const benchmarks: Readonly<Record<string, (setting: Setting) => Promise<boolean>>> = { attach, ipam, scale, state };

/** The same for those that need neither KubeVirt nor the Pulumi CLI. */
const benchmarksAlone: Readonly<Record<string, () => Promise<boolean>>> = { proxy };

async function main(): Promise<number> {
    const names = process.argv.slice(2);
    const all = [...Object.keys(benchmarks), ...Object.keys(benchmarksAlone)];
    const unknown = names.find((name) => !all.includes(name));
    if (unknown !== undefined) {
        const known = all.join(", ");
        throw new Refusal(`There is no benchmark ${unknown}, only ${known}; as in \`npm run bench -- attach\`.`);
    }
    const isChosen = ([name]: [string, unknown]): boolean => names.length === 0 || names.includes(name);
    let kept = true;
    for (const [, run] of Object.entries(benchmarksAlone).filter(isChosen)) {
        kept = (await run()) && kept;
    }
    const chosen = Object.entries(benchmarks).filter(isChosen);
    if (chosen.length > 0) {
        await withSetting(async (setting) => {
            for (const [, run] of chosen) {
                kept = (await run(setting)) && kept;
            }
        });
    }
    return kept ? 0 : 1;
}

void runCommand(main);
