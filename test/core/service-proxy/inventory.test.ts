import { strict as assert } from "node:assert";
import fc from "fast-check";
import { ServiceInventory } from "../../../core/service-proxy/inventory";
import { portKey } from "../../../core/service-proxy/model";
import { SLICE_LABEL } from "../../../core/service-proxy/names";
import type { EndpointSliceObject, ServiceObject } from "../../../core/service-proxy/objects";

const NODE = "node-1";

/** What happens to one of a few Services or slices. */
type Event = { kind: "service" | "slice"; at: number; version: number; gone: boolean };

// `web` and `web-a`, because `-` comes before `:`, which ends a Service's name in a port's key.
const NAMES = ["web", "web-a", "db"];

function service({ at, version }: Pick<Event, "at" | "version">): ServiceObject {
    const ports = [{ name: "a", port: 80 + version }, ...(version % 2 === 0 ? [{ name: "b", port: 443 }] : [])];
    return {
        metadata: { namespace: "shop", name: NAMES[at] ?? "" },
        spec: { clusterIPs: [`10.96.0.${at + 1}`], ports },
    };
}

/** Two of each Service's. */
function slice({ at, version }: Pick<Event, "at" | "version">): EndpointSliceObject {
    const name = NAMES[at % NAMES.length] ?? "";
    return {
        metadata: { namespace: "shop", name: `${name}-slice-${at}`, labels: { [SLICE_LABEL.service]: name } },
        addressType: "IPv4",
        endpoints: [{ addresses: [`10.1.${at}.${version + 1}`] }],
        ports: [
            { name: "a", port: 8080 },
            { name: "b", port: 8443 },
        ],
    };
}

function happen(inventory: ServiceInventory, event: Event): void {
    if (event.kind === "service") {
        const object = service({ ...event, at: event.at % NAMES.length });
        if (event.gone) {
            inventory.removeService(object);
        } else {
            inventory.setService(object);
        }
    } else if (event.gone) {
        inventory.removeSlice(slice(event));
    } else {
        inventory.setSlice(slice(event));
    }
}

const events = fc.array(
    fc.record({
        kind: fc.constantFrom("service" as const, "slice" as const),
        at: fc.nat(2 * NAMES.length - 1),
        version: fc.nat(3),
        gone: fc.boolean(),
    }),
    { maxLength: 40 },
);

describe("what a node knows of Services and EndpointSlices", () => {
    it("is what there is in the end, in whatever steps it came about", () => {
        fc.assert(
            fc.property(events, fc.array(fc.boolean(), { minLength: 40, maxLength: 40 }), (all, looks) => {
                const followed = new ServiceInventory(NODE);
                const last = new Map<string, Event>();
                all.forEach((event, index) => {
                    happen(followed, event);
                    const at = event.kind === "service" ? event.at % NAMES.length : event.at;
                    last.set(`${event.kind} ${at}`, event);
                    if (looks[index] === true) {
                        followed.state();
                    }
                });
                const left = [...last.values()].filter(({ gone }) => !gone);
                const listed = new ServiceInventory(NODE);
                listed.replaceSlices(left.filter(({ kind }) => kind === "slice").map(slice));
                listed.replaceServices(
                    left
                        .filter(({ kind }) => kind === "service")
                        .map(({ at, version }) => service({ at: at % NAMES.length, version })),
                );
                assert.deepEqual(followed.state(), listed.state());
                const keys = followed.state().ports.map(portKey);
                assert.deepEqual(keys, [...keys].sort());
            }),
        );
    });

    it("is what a new list says, also where it says less", () => {
        const inventory = new ServiceInventory(NODE);
        inventory.replaceServices([service({ at: 0, version: 0 }), service({ at: 1, version: 0 })]);
        inventory.replaceSlices([slice({ at: 0, version: 0 }), slice({ at: 1, version: 0 })]);
        inventory.state();
        inventory.replaceServices([service({ at: 0, version: 0 })]);
        inventory.replaceSlices([]);
        const { ports } = inventory.state();
        assert.deepEqual(
            ports.map(({ service, internal }) => [service, internal.endpoints.length]),
            [
                ["shop/web", 0],
                ["shop/web", 0],
            ],
        );
    });

    it("takes a slice from the Service that its label named before", () => {
        const inventory = new ServiceInventory(NODE);
        inventory.replaceServices([service({ at: 0, version: 1 }), service({ at: 1, version: 1 })]);
        const moved = slice({ at: 0, version: 0 });
        inventory.setSlice(moved);
        inventory.setSlice({ ...moved, metadata: { ...moved.metadata, labels: { [SLICE_LABEL.service]: "web-a" } } });
        assert.deepEqual(
            inventory.state().ports.map(({ service, internal }) => [service, internal.endpoints.length]),
            [
                ["shop/web-a", 1],
                ["shop/web", 0],
            ],
        );
    });

    it("has the same object for a port that has not changed", () => {
        const inventory = new ServiceInventory(NODE);
        inventory.replaceServices([service({ at: 0, version: 0 }), service({ at: 1, version: 0 })]);
        inventory.replaceSlices([slice({ at: 0, version: 0 })]);
        const before = inventory.state().ports;
        inventory.setSlice(slice({ at: 1, version: 0 }));
        inventory.replaceSlices([slice({ at: 0, version: 0 }), slice({ at: 1, version: 0 })]);
        const after = inventory.state().ports;
        assert.deepEqual(
            after.map((port, index) => [portKey(port), port === before[index]]),
            [
                ["shop/web-a:a/TCP/4", false],
                ["shop/web-a:b/TCP/4", false],
                ["shop/web:a/TCP/4", true],
                ["shop/web:b/TCP/4", true],
            ],
        );
    });
});
