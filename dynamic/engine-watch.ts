/** How often it is looked whether the engine is still there. */
const LOOK_MS = 200;

/** How the engine's host of dynamic providers is started: `node .../cmd/dynamic-provider ...`. */
const HOST = /[\\/]cmd[\\/]dynamic-provider([\\/]|$)/;

/**
 * Ends the host of the dynamic providers when the engine that started it is gone. Of itself it goes on for ever after an
 * engine that was killed, and ends what was begun: writes that nobody records, beside an update that has come since.
 */
function endWithEngine(): void {
    const engine = process.ppid;
    setInterval(() => {
        if (process.ppid !== engine) {
            process.exit(1);
        }
    }, LOOK_MS).unref();
}

if (HOST.test(process.argv[1] ?? "")) {
    endWithEngine();
}
