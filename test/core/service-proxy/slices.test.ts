import assert from "node:assert/strict";
import fc from "fast-check";
import { endpointsOf } from "../../../core/service-proxy/endpoints";
import { publishedIn, type Slice, sliceChanges } from "../../../core/service-proxy/slices";
import type { VmiObject } from "../../../core/kubevirt-objects";
import { applied, factsOf, instance, serviceOf } from "./endpoint-objects";

const service = serviceOf();

/** The slices after one look of the controller. */
function reconciled(instances: readonly VmiObject[], slices: readonly Slice[] = [], of = service): Slice[] {
    return applied(slices, sliceChanges(of, endpointsOf(of, factsOf(instances)), slices));
}

const addressesIn = (slices: readonly Slice[]): string[] =>
    slices.flatMap(({ endpoints }) => (endpoints ?? []).flatMap(({ addresses }) => addresses)).sort();

/** Machines with an address each. */
const fleet = (count: number, first = 0): VmiObject[] =>
    Array.from({ length: count }, (_, index) => machine(first + index));
const machine = (number: number, changes = {}): VmiObject =>
    instance(`vm-${number}`, { addresses: [`10.0.${number >> 8}.${number & 255}`], ...changes });

describe("the EndpointSlices of a Service in front of VMs", () => {
    it("name Service, manager, owner, subnets and VM", () => {
        const [slice, ...others] = reconciled([instance("web")]);
        assert.deepEqual(others, []);
        const { name, ...metadata } = slice!.metadata;
        assert.match(name, /^front-[a-z2-7]{10}-0$/);
        assert.deepEqual(
            { ...slice, metadata },
            {
                apiVersion: "discovery.k8s.io/v1",
                kind: "EndpointSlice",
                metadata: {
                    namespace: "prod",
                    labels: {
                        "kubernetes.io/service-name": "front",
                        "endpointslice.kubernetes.io/managed-by": "endpoints.vm.novasphere.dev",
                    },
                    annotations: { "vm.novasphere.dev/subnets": "192.0.2.10/32" },
                    ownerReferences: [{ apiVersion: "v1", kind: "Service", name: "front", uid: "uid-of-front" }],
                },
                addressType: "IPv4",
                ports: [{ name: "", protocol: "TCP", port: 8080 }],
                endpoints: [
                    {
                        addresses: ["192.0.2.10"],
                        conditions: { ready: true, serving: true, terminating: false },
                        nodeName: "node-1",
                        targetRef: {
                            apiVersion: "kubevirt.io/v1",
                            kind: "VirtualMachineInstance",
                            namespace: "prod",
                            name: "web",
                            uid: "uid-of-web",
                        },
                    },
                ],
            },
        );
    });

    it("are one of each family where there is no endpoint", () => {
        const slices = reconciled([], [], serviceOf({ ipFamilies: ["IPv6", "IPv4"] }));
        assert.deepEqual(
            slices.map(({ addressType, endpoints, ports }) => [addressType, endpoints, ports]),
            [
                ["IPv4", [], [{ name: "", protocol: "TCP", port: 8080 }]],
                ["IPv6", [], [{ name: "", protocol: "TCP", port: 8080 }]],
            ],
        );
    });

    it("are one that stays as its last endpoint goes and its first comes", () => {
        const empty = reconciled([]);
        const filled = reconciled([instance("web")], empty);
        const emptied = reconciled([], filled);
        assert.equal(new Set([...empty, ...filled, ...emptied].map(({ metadata }) => metadata.name)).size, 1);
        assert.deepEqual(emptied, empty);
    });

    it("are none where the Service has no target", () => {
        const wrong = serviceOf({}, { "vm.novasphere.dev/vm-selector": "" });
        assert.deepEqual(reconciled([instance("web")], reconciled([instance("web")]), wrong), []);
    });

    it("are apart by the ports of their endpoints", () => {
        const ports = [{ name: "web", protocol: "TCP" as const, port: 80, targetPort: "http" }];
        const vms = [8001, 8002, 8001].map((port, number) => machine(number, { ports: [{ name: "http", port }] }));
        const slices = reconciled(vms, [], serviceOf({ ports }));
        assert.deepEqual(slices.map((slice) => [slice.ports?.[0]?.port, addressesIn([slice])]).sort(), [
            [8001, ["10.0.0.0", "10.0.0.2"]],
            [8002, ["10.0.0.1"]],
        ]);
    });

    it("hold 100 endpoints at most, and keep them where they are", () => {
        const slices = reconciled(fleet(250));
        assert.deepEqual(
            slices.map(({ endpoints }) => endpoints?.length),
            [100, 100, 50],
        );
        const without = fleet(250).filter((_, index) => index !== 7);
        const { create, update, remove } = sliceChanges(service, endpointsOf(service, factsOf(without)), slices);
        assert.deepEqual([create.length, update.length, remove.length], [0, 1, 0]);
        assert.deepEqual(addressesIn(applied(slices, { create, update, remove })), addressesIn(reconciled(without)));
    });

    it("become fewer once others have room for twice what is left", () => {
        const slices = reconciled(fleet(210));
        assert.equal(slices.length, 3);
        assert.equal(reconciled(fleet(195, 15), slices).length, 3);
        const fewer = reconciled(fleet(180, 30), slices);
        assert.equal(fewer.length, 2);
        assert.equal(addressesIn(fewer).length, 180);
        const few = fleet(210).filter((_, index) => index % 10 === 0);
        assert.deepEqual(
            reconciled(few, slices).map(({ endpoints }) => endpoints?.length),
            [21],
        );
    });

    it("are repaired where somebody has edited them, but for what was added", () => {
        const [slice] = reconciled([instance("web")]);
        const report = endpointsOf(service, factsOf([instance("web")]));
        const added = { ...slice!, metadata: { ...slice!.metadata, labels: { ...slice!.metadata.labels, mine: "x" } } };
        assert.deepEqual(sliceChanges(service, report, [added]), { create: [], update: [], remove: [] });
        for (const edited of [
            { ...slice!, endpoints: [] },
            { ...slice!, ports: null },
            { ...slice!, metadata: { ...slice!.metadata, annotations: {} } },
        ]) {
            assert.deepEqual(sliceChanges(service, report, [edited]).update, [{ from: edited, to: slice }]);
        }
    });

    it("of others are left alone, and those of a Service that had the name before go", () => {
        const foreign = {
            ...reconciled([instance("web")])[0]!,
            metadata: { name: "x", namespace: "prod", labels: {} },
        };
        const earlier = reconciled([instance("web")]).map((slice) => ({
            ...slice,
            metadata: {
                ...slice.metadata,
                name: "front-old-0",
                ownerReferences: [{ kind: "Service", name: "front", uid: "0" }],
            },
        }));
        const { create, remove } = sliceChanges(service, endpointsOf(service, factsOf([])), [foreign, ...earlier]);
        assert.equal(create.length, 1);
        assert.deepEqual(remove, earlier);
    });

    it("tell which address a VM has had", () => {
        const published = publishedIn(reconciled([instance("web", { addresses: ["192.0.2.7"] })]));
        assert.equal(published("uid-of-web", 4), "192.0.2.7");
        assert.equal(published("uid-of-web", 6), undefined);
        assert.equal(published("uid-of-db", 4), undefined);
    });

    it("come to the same endpoints in whatever order VMs change, and then to rest", () => {
        const event = fc.record({
            vm: fc.integer({ min: 0, max: 130 }),
            to: fc.constantFrom("gone", "run", "move", "pause", "detach"),
        });
        const after = (vm: number, to: string): VmiObject[] => {
            const changes = {
                gone: undefined,
                run: {},
                move: { node: "node-2" },
                pause: { conditions: [{ type: "Paused", status: "True" }] },
                detach: { state: "absent" },
            }[to];
            return changes === undefined ? [] : [machine(vm, changes)];
        };
        fc.assert(
            fc.property(fc.array(event, { maxLength: 400 }), fc.integer({ min: 1, max: 40 }), (events, step) => {
                const vms = new Map(fleet(131).map((vmi, index) => [index, [vmi]]));
                let slices = reconciled([...vms.values()].flat());
                events.forEach(({ vm, to }, index) => {
                    vms.set(vm, after(vm, to));
                    if (index % step === 0) {
                        slices = reconciled([...vms.values()].flat(), slices);
                    }
                });
                const last = [...vms.values()].flat();
                slices = reconciled(last, slices);
                // Which VMs those are is known here without the code under test.
                const running = [...vms].filter(([vm]) => {
                    const to = events.findLast((each) => each.vm === vm)?.to ?? "run";
                    return to === "run" || to === "move";
                });
                const expected = running.map(([vm]) => `10.0.${vm >> 8}.${vm & 255}`).sort();
                assert.deepEqual(addressesIn(slices), expected);
                assert.ok(slices.every(({ endpoints }) => (endpoints ?? []).length <= 100));
                const report = endpointsOf(service, factsOf(last.toReversed()));
                assert.deepEqual(sliceChanges(service, report, slices.toReversed()), {
                    ...{ create: [], update: [], remove: [] },
                });
            }),
            { numRuns: 60 },
        );
    });
});
