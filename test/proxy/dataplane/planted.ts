import type { Lab } from "./lab";
import type { DataplaneMode } from "./requests";

/** Writes into the rules of a port with three endpoints the mistake of a third at each step: a third, two ninths, the rest. */
export async function plantUnevenChoice(lab: Lab, mode: DataplaneMode): Promise<void> {
    if (mode === "nftables") {
        const marks = [0, 0, 0, 1, 1, 2, 2, 2, 2].map((slot, index) => `${index} : 0x5700000${slot}`);
        const chain = "chain ip wukong random-3-0";
        const rule = `add rule ip wukong random-3-0 ct mark set numgen random mod 9 map { ${marks.join(", ")} } goto pick`;
        return lab.feed("node", `flush ${chain}\n${rule}\n`, "nft", "-f", "-");
    }
    const rules = (await lab.run("node", `${mode}-save`, "-t", "nat")).split("\n");
    const rule = rules.find((line) => line.startsWith("-A WUKONG-SVC-") && line.includes("--probability 0.5"))!;
    const chain = rule.split(" ")[1]!;
    const index = rules.filter((line) => line.startsWith(`-A ${chain} `)).indexOf(rule) + 1;
    const uneven = rule.replace(`-A ${chain}`, "").replace(/0\.5\d*/, "0.33333333");
    await lab.run("node", mode, "-t", "nat", "-R", chain, String(index), ...uneven.trim().split(" "));
}
