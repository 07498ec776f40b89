import * as net from "node:net";

// Tells each client at which of its many addresses it was reached.

const [port = ""] = process.argv.slice(2);
const server = net.createServer((client) => {
    client.on("error", () => client.destroy());
    client.end(client.localAddress ?? "");
});
server.listen({ port: Number(port), host: "0.0.0.0", backlog: 4096 }, () => process.send?.("ready"));
