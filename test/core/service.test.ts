import assert from "node:assert/strict";
import { describe as sentence } from "../../core/problem";
import { validateExposure, type Exposure } from "../../core/service";

function problems(exposure: Partial<Exposure>): string[] {
    return validateExposure({ type: "NodePort", ports: [{ port: 80 }], targets: 1, ...exposure }).map(sentence);
}

describe("service", () => {
    it("accepts one target and ports that differ", () => {
        assert.deepEqual(problems({}), []);
        const ports = [
            { name: "dns", port: 53, protocol: "UDP" as const, nodePort: 30053 },
            { name: "dns-tcp", port: 53, nodePort: 30053, targetPort: 5353 },
            { name: "top", port: 65_535 },
        ];
        assert.deepEqual(problems({ ports }), []);
    });

    // Each is refused by the API server's own validation (ValidateService of Kubernetes), but for the first.
    const refused: [string, Partial<Exposure>, RegExp][] = [
        ["no target", { targets: 0 }, /one target/],
        ["two targets", { targets: 2 }, /one target/],
        ["no port", { ports: [] }, /at least one port/],
        ["several ports, one unnamed", { ports: [{ name: "a", port: 80 }, { port: 81 }] }, /ports\[1\]\.name/],
        ["port 0", { ports: [{ port: 0 }] }, /ports\[0\]\.port "0"/],
        ["a target port that is none", { ports: [{ port: 80, targetPort: 65_536 }] }, /targetPort "65536"/],
        ["half a node port", { ports: [{ port: 80, nodePort: 30_000.5 }] }, /nodePort/],
        [
            "a node port without type",
            { type: "ClusterIP", ports: [{ port: 80, nodePort: 30_080 }] },
            /ClusterIP opens no port/,
        ],
        [
            "a port twice in one protocol",
            {
                ports: [
                    { name: "a", port: 80 },
                    { name: "b", port: 80, protocol: "TCP" },
                ],
            },
            /ports\[1\]\.port "TCP 80"/,
        ],
        [
            "a name twice",
            {
                ports: [
                    { name: "a", port: 80 },
                    { name: "a", port: 81 },
                ],
            },
            /ports\[1\]\.name "a"/,
        ],
        [
            "a node port twice",
            {
                ports: [
                    { name: "a", port: 80, nodePort: 30_080 },
                    { name: "b", port: 81, nodePort: 30_080 },
                ],
            },
            /ports\[1\]\.nodePort/,
        ],
    ];
    for (const [what, exposure, expected] of refused) {
        it(`refuses ${what}`, () => {
            const found = problems(exposure);
            assert.equal(found.length, 1, found.join("\n"));
            assert.match(found[0] ?? "", expected);
        });
    }
});
