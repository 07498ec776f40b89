import assert from "node:assert/strict";
import { readinessOf, type AwaitedService, type SliceObject } from "../../core/service/readiness";

const AGENT = { "endpointslice.kubernetes.io/managed-by": "endpoints.vm.novasphere.dev" };
const HTTP = { name: "http", protocol: "TCP", port: 80, targetPort: 8080 } as const;

function slice(addresses: string[], more: Partial<SliceObject> & { ready?: boolean } = {}): SliceObject {
    const { ready, ...fields } = more;
    const conditions = ready === undefined ? {} : { conditions: { ready } };
    return {
        metadata: {},
        endpoints: [{ addresses, ...conditions }],
        ports: [{ name: "http", protocol: "TCP", port: 8080 }],
        ...fields,
    };
}

function readiness(slices: SliceObject[], isOnNetwork = false, ports: AwaitedService["ports"] = [HTTP]) {
    return readinessOf(slices, { ports, isOnNetwork });
}

describe("where traffic of a Service flows to", () => {
    it("is every endpoint that is ready, or says nothing of it, at the port of the guest", () => {
        const slices = [slice(["10.0.0.2"]), slice(["10.0.0.1", "2001:db8::1"], { ready: true })];
        const ready = ["10.0.0.1:8080", "10.0.0.2:8080", "[2001:db8::1]:8080"];
        assert.deepEqual(readiness(slices), { ready, seen: "" });
    });

    it("is nowhere while no endpoint is ready", () => {
        const { ready, seen } = readiness([slice(["10.0.0.1"], { ready: false })]);
        assert.deepEqual(ready, []);
        assert.match(seen, /10\.0\.0\.1, none of them ready/);
    });

    it("is nowhere while the slices have the ports of before", () => {
        const { ready, seen } = readiness([slice(["10.0.0.1"])], false, [{ ...HTTP, targetPort: 9090 }]);
        assert.deepEqual(ready, []);
        assert.match(seen, /10\.0\.0\.1, not with the ports that are declared/);
    });

    it("is nowhere where there is no VM", () => {
        assert.match(readiness([slice([], { endpoints: null })]).seen, /no VM behind it runs/);
        assert.equal(readiness([]).seen, "no EndpointSlice");
    });

    it("on a network is what the endpoint controller says, and nobody else", () => {
        assert.match(readiness([slice(["10.0.0.1"])], true).seen, /deploy a ServiceProxy/);
        const kept = slice(["10.0.0.2"], { metadata: { labels: AGENT } });
        assert.deepEqual(readiness([slice(["10.0.0.1"]), kept], true).ready, ["10.0.0.2:8080"]);
    });
});
