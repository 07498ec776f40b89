import assert from "node:assert/strict";
import { describe as sentence } from "../../core/problem";
import { expandPorts, type PortSpec } from "../../core/service/ports";

function refusals(...ports: PortSpec[]): string {
    return expandPorts(ports).problems.map(sentence).join("\n");
}

describe("ports of a Service", () => {
    it("are taken as they are declared, to the same port of the guest", () => {
        assert.deepEqual(expandPorts([{ port: 80 }]), {
            ports: [{ protocol: "TCP", port: 80, targetPort: 80 }],
            problems: [],
        });
        const dns = {
            name: "dns",
            protocol: "UDP",
            port: 53,
            targetPort: 5353,
            nodePort: 30053,
            hostPort: 53,
        } as const;
        assert.deepEqual(expandPorts([dns]).ports, [dns]);
    });

    it("of a range are one by one, with names of their own, each to its own port of the guest", () => {
        const { ports, problems } = expandPorts([
            { name: "rtp", protocol: "UDP", port: "8000-8002", targetPort: "9000-9002", nodePort: "30100-30102" },
        ]);
        assert.deepEqual(problems, []);
        assert.deepEqual(
            ports.map(({ name, port, targetPort, nodePort }) => [name, port, targetPort, nodePort]),
            [
                ["rtp-8000", 8000, 9000, 30100],
                ["rtp-8001", 8001, 9001, 30101],
                ["rtp-8002", 8002, 9002, 30102],
            ],
        );
    });

    it("of a range lead to the same ports of the guest by default", () => {
        const { ports } = expandPorts([{ name: "a", port: "65534-65535" }]);
        assert.deepEqual(
            ports.map(({ port, targetPort }) => [port, targetPort]),
            [
                [65534, 65534],
                [65535, 65535],
            ],
        );
    });

    for (const [what, ports, expected] of [
        ["a range that goes down", [{ name: "a", port: "8010-8000" }], /ports\[0\]\.port "8010-8000"/],
        ["a range beyond the last port", [{ name: "a", port: "65535-65536" }], /65535-65536/],
        ["words", [{ name: "a", port: "http" }], /ports\[0\]\.port "http"/],
        ["a range without a name", [{ port: "80-81" }], /ports\[0\]\.name .*each of several ports has a name/],
        ["a range to one port", [{ name: "a", port: "80-81", targetPort: 80 }], /targetPort 80 .*one by one/],
        [
            "a range to a longer one",
            [{ name: "a", port: "80-81", nodePort: "30000-30002" }],
            /nodePort .*2 and 3 ports/,
        ],
        ["a range beyond a thousand ports", [{ name: "a", port: "1-1001" }], /at most 1000 ports/],
        [
            "a port in two ranges",
            [
                { name: "a", port: "80-82" },
                { name: "b", port: "82-83" },
            ],
            /ports\[1\]\.port "TCP 82".*each port once/,
        ],
        [
            "a host port twice",
            [
                { name: "a", port: 80, hostPort: 8080 },
                { name: "b", port: 81, hostPort: 8080 },
            ],
            /ports\[1\]\.hostPort "TCP 8080"/,
        ],
        [
            "a host port that is another's node port",
            [
                { name: "a", port: 80, nodePort: 30_080 },
                { name: "b", port: 81, hostPort: 30_080 },
            ],
            /ports\[1\]\.hostPort "TCP 30080" .*port of the nodes once/,
        ],
    ] as [string, PortSpec[], RegExp][]) {
        it(`are not ${what}`, () => {
            assert.match(refusals(...ports), expected);
        });
    }
});
