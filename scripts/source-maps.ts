import { setSourceMapsSupport } from "node:module";

// Mocha loads this first: stack traces name the lines of the sources. Those of packages stay as they are, as Pulumi notes a
// trace for each of its promises.
setSourceMapsSupport(true, { nodeModules: false, generatedCode: false });
