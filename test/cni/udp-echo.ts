import { createSocket } from "node:dgram";

// Run inside a network namespace. `serve <address> <port>` answers what it is sent, until it is ended. `ask <address>
// <port> <times>` sends a datagram ten times a second until one is answered; its exit code is 1 where none was.

const [, , role = "", address = "", port = "", times = "0"] = process.argv;
const socket = createSocket("udp4");

function serve(): void {
    socket.on("message", (message, from) => {
        socket.send(message, from.port, from.address);
    });
    socket.bind(Number(port), address, () => process.stdout.write("ready\n"));
}

function ask(): void {
    let sent = 0;
    const timer = setInterval(() => {
        if (sent === Number(times)) {
            clearInterval(timer);
            socket.close();
            process.exitCode = 1;
        } else {
            sent += 1;
            socket.send(`datagram ${String(sent)}`, Number(port), address);
        }
    }, 100);
    socket.on("message", () => {
        clearInterval(timer);
        socket.close();
    });
    // A neighbour that does not answer is told as an error of a later datagram.
    socket.on("error", () => undefined);
}

(role === "serve" ? serve : ask)();
