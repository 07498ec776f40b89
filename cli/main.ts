#!/usr/bin/env node
import { run } from "./run";

process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    // `wukong ... | head` has read enough.
    if (error.code !== "EPIPE") {
        throw error;
    }
});

void run(process.argv.slice(2), {
    print: (text) => void process.stdout.write(text),
    complain: (text) => void process.stderr.write(text),
    ...(process.stdout.isTTY && { columns: process.stdout.columns }),
}).then((code) => {
    process.exitCode = code;
});
