import * as path from "node:path";
import { ensurePrograms } from "../../scripts/toolchain";

let folder: Promise<string> | undefined;

/** The folder of cnitool and the plugins, which are built the first time. */
export async function programs(): Promise<string> {
    folder ??= ensurePrograms(["cnitool", "bridge", "macvlan"]).then(({ cnitool }) => path.dirname(cnitool));
    return folder;
}
