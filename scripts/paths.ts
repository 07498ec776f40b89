import * as path from "node:path";

/** The root of the repository, seen from a compiled script in bin/scripts/. */
export const REPOSITORY = path.resolve(__dirname, "..", "..");
