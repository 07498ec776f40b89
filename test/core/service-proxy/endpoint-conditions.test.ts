import assert from "node:assert/strict";
import { endpointsOf } from "../../../core/service-proxy/endpoints";
import { isVmService, targetOf } from "../../../core/service-proxy/vm-service";
import { factsOf, instance, serviceOf, verdict } from "./endpoint-objects";

const notReady = (lastTransitionTime: string | null) => ({
    ...{ type: "Ready", status: "False", reason: "PodTerminating", lastTransitionTime },
});
const since = (creationTimestamp: string, phase = "Running") => ({
    migrations: [{ metadata: { creationTimestamp }, spec: { vmiName: "web" }, status: { phase } }],
});

describe("the conditions of an endpoint", () => {
    // The table of the core EndpointSlice controller (podToEndpoint in staging/src/k8s.io/endpointslice/utils.go).
    for (const [ready, deleted, publish, expected] of [
        ["True", false, false, "ready/serving"],
        ["False", false, false, ""],
        ["True", true, false, "serving/terminating"],
        ["False", true, false, "terminating"],
        ["True", false, true, "ready/serving"],
        ["False", false, true, "ready"],
        ["True", true, true, "ready/serving/terminating"],
        ["False", true, true, "ready/terminating"],
    ] as const) {
        it(`are "${expected}" with Ready=${ready}, deleted=${deleted}, publishNotReadyAddresses=${publish}`, () => {
            const vmi = instance("web", { conditions: [{ type: "Ready", status: ready }], deleted });
            const { endpoints } = verdict(vmi, serviceOf({ publishNotReadyAddresses: publish }));
            assert.deepEqual(endpoints, [`192.0.2.10 ${expected}`]);
        });
    }

    it("are told where no new connection goes to the VM", () => {
        const conditions = [
            { type: "Ready", status: "False", reason: "GuestNotRunning", message: "guest is not running" },
        ];
        assert.deepEqual(verdict(instance("web", { conditions })).why, [
            "VM web is not ready: KubeVirt says GuestNotRunning: guest is not running.",
        ]);
        assert.match(
            verdict(instance("web", { deleted: true })).why.join(),
            /^VM web is being deleted: .* \(KEP-1669\)/,
        );
    });

    it("follow the node", () => {
        const [vm] = endpointsOf(serviceOf(), factsOf([instance("web", { node: "node-2" })])).vms;
        assert.equal(vm?.endpoints[0]?.nodeName, "node-2");
    });
});

describe("a live migration", () => {
    const before = "2026-01-01T00:00:00Z";
    const start = "2026-01-01T00:05:00Z";
    const after = "2026-01-01T00:05:30Z";
    const ofTime = (time: string | null) => instance("web", { conditions: [notReady(time)] });

    it("leaves a VM ready that it alone makes not ready", () => {
        for (const time of [start, after, null]) {
            assert.deepEqual(verdict(ofTime(time), serviceOf(), since(start)).endpoints, ["192.0.2.10 ready/serving"]);
        }
    });

    it("does not make a VM ready that was not before", () => {
        assert.deepEqual(verdict(ofTime(before), serviceOf(), since(start)).endpoints, ["192.0.2.10 "]);
    });

    for (const phase of ["Succeeded", "Failed"]) {
        it(`excuses nothing once it has ${phase.toLowerCase()}`, () => {
            assert.deepEqual(verdict(ofTime(after), serviceOf(), since(start, phase)).endpoints, ["192.0.2.10 "]);
        });
    }

    it("is seen by the instance's own status too, until its end", () => {
        const vmi = (migrationState: object) => instance("web", { conditions: [notReady(after)], migrationState });
        assert.deepEqual(verdict(vmi({ startTimestamp: start })).endpoints, ["192.0.2.10 ready/serving"]);
        assert.deepEqual(verdict(vmi({ startTimestamp: start, endTimestamp: after })).endpoints, ["192.0.2.10 "]);
    });

    it("of another VM excuses nothing", () => {
        const { migrations } = since(start);
        const others = migrations.map((each) => ({ ...each, spec: { vmiName: "db" } }));
        assert.deepEqual(verdict(ofTime(after), serviceOf(), { migrations: others }).endpoints, ["192.0.2.10 "]);
    });

    it("may pause the VM, which a user's pause from before does not survive", () => {
        const paused = (lastTransitionTime: string) =>
            instance("web", {
                conditions: [
                    { type: "Ready", status: "True" },
                    { type: "Paused", status: "True", lastTransitionTime },
                ],
            });
        assert.equal(verdict(paused(after), serviceOf(), since(start)).endpoints.length, 1);
        assert.equal(verdict(paused(before), serviceOf(), since(start)).endpoints.length, 0);
    });

    it("keeps the address that the slices have, while the guest agent is silent", () => {
        const published = (): string => "192.0.2.44";
        const silent = instance("web", { addresses: [] });
        assert.deepEqual(verdict(silent, serviceOf(), { ...since(start), published }).endpoints, [
            "192.0.2.44 ready/serving",
        ]);
        assert.deepEqual(verdict(silent, serviceOf(), { published }).endpoints, []);
        assert.deepEqual(verdict(instance("web"), serviceOf(), { ...since(start), published }).endpoints, [
            "192.0.2.10 ready/serving",
        ]);
    });
});

describe("the target ports of a Service in front of VMs", () => {
    const portsOf = (
        targetPort: string | number | undefined,
        ports: { name: string; protocol?: string; port: number }[],
    ) => {
        const port = {
            name: "web",
            protocol: "TCP" as const,
            port: 80,
            ...(targetPort !== undefined && { targetPort }),
        };
        const [vm] = endpointsOf(serviceOf({ ports: [port] }), factsOf([instance("web", { ports })])).vms;
        return { port: vm?.endpoints[0]?.ports[0]?.port, why: vm?.why.join() };
    };

    it("are numbers, or the port itself", () => {
        assert.equal(portsOf(8080, []).port, 8080);
        assert.equal(portsOf(undefined, []).port, 80);
    });

    it("are the NIC's own of that name and protocol", () => {
        const declared = [
            { name: "http", protocol: "UDP", port: 1 },
            { name: "http", port: 8081 },
        ];
        assert.equal(portsOf("http", declared).port, 8081);
        assert.match(
            portsOf("https", declared).why ?? "",
            /^VM web is no endpoint: its NIC declares no port "https" of protocol TCP/,
        );
    });

    it("may be missing one by one", () => {
        const ports = [
            { name: "a", protocol: "TCP" as const, port: 80, targetPort: 8080 },
            { name: "b", protocol: "TCP" as const, port: 81, targetPort: "none" },
        ];
        const [vm] = endpointsOf(serviceOf({ ports }), factsOf([instance("web")])).vms;
        assert.deepEqual(
            vm?.endpoints[0]?.ports.map(({ name }) => name),
            ["a"],
        );
        assert.match(vm.why.join(), /^VM web is not reached on every port: its NIC declares no port "none"/);
    });
});

describe("a Service in front of VMs", () => {
    it("is one by either annotation", () => {
        assert.equal(isVmService(serviceOf()), true);
        assert.equal(
            isVmService({ metadata: { name: "a", annotations: { "vm.novasphere.dev/network": "lan" } } }),
            true,
        );
        assert.equal(isVmService({ metadata: { name: "a", annotations: { other: "x" } } }), false);
    });

    it("names a network of its own namespace, or of another", () => {
        for (const [text, network] of [
            ["lan", "prod/lan"],
            ["test/lan", "test/lan"],
        ] as const) {
            assert.equal(targetOf(serviceOf({}, { "vm.novasphere.dev/network": text })).target?.network, network);
        }
    });

    for (const [text, labels] of [
        ["app=web", { app: "web" }],
        ["app=web, example.com/tier=front", { app: "web", "example.com/tier": "front" }],
        ["app=", { app: "" }],
    ] as const) {
        it(`chooses by ${text}`, () => {
            const { target } = targetOf(serviceOf({}, { "vm.novasphere.dev/vm-selector": text }));
            assert.deepEqual(target?.labels, labels);
        });
    }

    for (const text of [
        "",
        "app",
        "app=a,",
        "app=a,app=b",
        "app==a",
        "a b=c",
        "-a=b",
        "/a=b",
        "A_/a=b",
        `a=${"x".repeat(64)}`,
    ]) {
        it(`is refused with the selector "${text}", and has no endpoint`, () => {
            const service = serviceOf({}, { "vm.novasphere.dev/vm-selector": text });
            const { problems, vms } = endpointsOf(service, factsOf([instance("web")]));
            assert.deepEqual(vms, []);
            assert.match(
                problems.join(),
                /^Service prod\/front: metadata\.annotations\["vm\.novasphere\.dev\/vm-selector"\] /,
            );
        });
    }

    it("is refused without a network, with a selector of its own, and as a DNS name", () => {
        assert.match(
            targetOf(serviceOf({}, { "vm.novasphere.dev/network": "a/b/c" })).problems.join(),
            /network"\] "a\/b\/c"/,
        );
        assert.match(targetOf(serviceOf({ selector: { app: "web" } })).problems.join(), /spec\.selector is refused/);
        assert.match(targetOf(serviceOf({ type: "ExternalName" })).problems.join(), /spec\.type "ExternalName"/);
        assert.deepEqual(targetOf(serviceOf({ selector: {} })).problems, []);
    });
});
