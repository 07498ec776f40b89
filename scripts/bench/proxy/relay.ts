import * as net from "node:net";
import { join } from "./stand";

// Listens on a port of its network namespace's loopback, and hands connections to a socket in the file system, which leads
// out of the namespace.

const [port = "", socket = ""] = process.argv.slice(2);
const server = net.createServer((one) => {
    join(one, net.connect(socket));
});
server.listen(Number(port), "127.0.0.1", () => process.send?.("ready"));
