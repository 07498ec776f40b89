import { strict as assert } from "node:assert";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { endProcesses, Program } from "../../scripts/embedded-cluster/process";

/** Its memory takes the kernel tens of milliseconds to give back, and only then does it close what the program had open. */
const SERVER_OF_MUCH_MEMORY = `
    const memory = Buffer.alloc(400 << 20, 1);
    const server = require("node:net").createServer();
    server.listen(0, "127.0.0.1", () => {
        require("node:fs").writeFileSync(process.argv[1] + ".new", String(server.address().port));
        require("node:fs").renameSync(process.argv[1] + ".new", process.argv[1]);
    });
    setInterval(() => memory[0], 1e6);
`;

describe("a program of the cluster that was ended", () => {
    let directory: string;

    before(() => {
        directory = mkdtempSync(path.join(tmpdir(), "wukong-process-"));
    });

    after(() => rmSync(directory, { recursive: true }));

    it("has its port free for the one that takes its place", async function () {
        this.timeout(30_000);
        for (const attempt of [1, 2, 3]) {
            const portFile = path.join(directory, `port-${attempt}`);
            const program = Program.start({
                name: "server",
                file: process.execPath,
                arguments: ["-e", SERVER_OF_MUCH_MEMORY, portFile],
                directory,
            });
            while (!existsSync(portFile)) {
                program.assertRunning();
                await delay(20);
            }
            await endProcesses(directory, [{ name: "server", pid: program.pid }]);
            await listenOn(Number(readFileSync(portFile, "utf8")));
        }
    });
});

async function listenOn(port: number): Promise<void> {
    assert.ok(port > 0);
    const server = createServer().listen(port, "127.0.0.1");
    await once(server, "listening");
    server.close();
    await once(server, "close");
}
