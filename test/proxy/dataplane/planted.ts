import type { Lab } from "./lab";
import type { DataplaneMode } from "./requests";

/** Writes into the rules of a port with three endpoints the mistake of a third at each step: a third, two ninths, the rest. */
export async function plantUnevenChoice(lab: Lab, mode: DataplaneMode): Promise<void> {
    void mode;
    const marks = [0, 0, 0, 1, 1, 2, 2, 2, 2].map((slot, index) => `${index} : 0x5700000${slot}`);
    const chain = "chain ip wukong random-3-0";
    const rule = `add rule ip wukong random-3-0 ct mark set numgen random mod 9 map { ${marks.join(", ")} } goto pick`;
    await lab.feed("node", `flush ${chain}\n${rule}\n`, "nft", "-f", "-");
}
