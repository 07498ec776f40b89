import * as assert from "node:assert/strict";
import * as k8s from "@kubernetes/client-node";
import { before, describe, it } from "mocha";
import { done, seen, testClients, until, useNamespace } from "../support/embedded-cluster";
import { expected } from "./kubevirt-releases";
import { Machines } from "./virtual-machines";
import { condition, interfaceOf, machineManifest, names, networkOf, type Nic, podNic } from "./vm-objects";

const red: Nic = { name: "red", nad: "red", macAddress: "02:00:00:00:00:0a" };
const spec = "spec.template.spec";

interface Refused {
    readonly title: string;
    readonly interfaces: readonly object[];
    readonly networks: readonly object[];
    readonly message: string;
}

const nics = (...list: readonly Nic[]): Pick<Refused, "interfaces" | "networks"> => ({
    interfaces: list.map(interfaceOf),
    networks: list.map(networkOf),
});

const withoutBinding = expected.withoutBinding;

/** What no program can write; the rest is in admission-agreement.test.ts. */
const refused: readonly Refused[] = [
    {
        title: "a network without an interface",
        interfaces: [interfaceOf(podNic)],
        networks: [podNic, red].map(networkOf),
        message: `${spec}.networks[1].name 'red' not found.`,
    },
    {
        title: "an interface without a network",
        interfaces: [podNic, red].map(interfaceOf),
        networks: [networkOf(podNic)],
        message: `${spec}.domain.devices.interfaces[1].name 'red' not found.`,
    },
    ...(withoutBinding === undefined
        ? []
        : [
              {
                  title: "an interface without a binding",
                  ...nics(podNic, { ...red, binding: {} }),
                  message: withoutBinding,
              },
          ]),
];

describe("KubeVirt's admission", function () {
    this.timeout(60_000);
    const namespace = useNamespace("admission");
    const machines = new Machines(namespace);

    before(async () => {
        await machines.network("red");
    });

    function messageOf(error: unknown): string {
        assert.ok(error instanceof k8s.ApiException, String(error));
        return (JSON.parse(error.body as string) as { message: string }).message;
    }

    for (const { title, interfaces, networks, message } of refused) {
        it(`refuses ${title}`, async () => {
            const manifest = machineManifest("refused", []) as {
                spec: { template: { spec: { domain: { devices: object }; networks: object } } };
            };
            manifest.spec.template.spec.domain.devices = { interfaces };
            manifest.spec.template.spec.networks = networks;
            const create = namespace.clients.custom.createNamespacedCustomObject({
                group: "kubevirt.io",
                version: "v1",
                namespace: namespace.name,
                plural: "virtualmachines",
                body: manifest,
            });
            await assert.rejects(create, (error) => {
                assert.ok(
                    messageOf(error).startsWith(
                        'admission webhook "virtualmachine-validator.kubevirt.io" denied the request: ',
                    ),
                    messageOf(error),
                );
                assert.equal(
                    messageOf(error).slice(
                        'admission webhook "virtualmachine-validator.kubevirt.io" denied the request: '.length,
                    ),
                    message,
                );
                return true;
            });
        });
    }

    if (withoutBinding === undefined) {
        it("takes an interface without a binding", async () => {
            await machines.create("unbound", [podNic, { ...red, binding: {} }], { runStrategy: "Halted" });
        });
    }

    it("refuses a bad patch of a running VM as well", async () => {
        await machines.run("running", [podNic]);
        await assert.rejects(machines.plug("running", { ...red, state: "sideways" as "up" }), (error) => {
            assert.match(messageOf(error), /logical red interface state value is unsupported: sideways$/);
            return true;
        });
    });

    it("lets nobody but KubeVirt change a VMI's spec", async () => {
        await machines.run("guarded", [podNic]);
        const change = namespace.clients.custom.patchNamespacedCustomObject(
            {
                group: "kubevirt.io",
                version: "v1",
                namespace: namespace.name,
                plural: "virtualmachineinstances",
                name: "guarded",
                body: [{ op: "add", path: "/spec/hostname", value: "other" }],
            },
            k8s.setHeaderOptions("Content-Type", "application/json-patch+json"),
        );
        await assert.rejects(change, (error) => {
            assert.match(messageOf(error), /update of VMI object is restricted$/);
            return true;
        });
    });

    it(`does not look for the NAD: where a VM starts with a missing one, ${expected.missingNad} name it`, async () => {
        await machines.create("lost", [podNic, { ...red, nad: "nope" }]);
        await (expected.missingNad === "events of the pod" ? untilPodIsRefused() : untilVmIsRefused());
        await machines.network("nope");
        await machines.ready("lost");
    });

    async function untilVmIsRefused(): Promise<void> {
        const vm = await machines.untilVm(
            "lost",
            "to report the missing NAD",
            (vm) => condition(vm, "Failure") !== undefined || condition(vm, "Synchronized") !== undefined,
        );
        const { reason, message } = condition(vm, "Synchronized") ?? condition(vm, "Failure") ?? {};
        assert.equal(reason, "FailedCreate");
        assert.equal(
            message,
            `failed to render launch manifest: failed to locate network attachment definition ${namespace.name}/nope`,
        );
    }

    async function untilPodIsRefused(): Promise<void> {
        await until("an event that names the missing NAD", async () => {
            const { items } = await namespace.clients.core.listNamespacedEvent({ namespace: namespace.name });
            const texts = items
                .filter(({ involvedObject }) => involvedObject.kind === "Pod")
                .map(({ reason, message }) => `${reason}: ${message}`);
            const refusal = `cannot find a network-attachment-definition (nope) in namespace (${namespace.name})`;
            return texts.some((text) => text.startsWith("FailedCreatePodSandBox") && text.includes(refusal))
                ? done(true)
                : seen(texts);
        });
        const vm = await machines.observed("lost");
        assert.equal(condition(vm, "Synchronized"), undefined);
        assert.equal(condition(vm, "Failure"), undefined);
    }

    it("takes a hot-plug to a missing NAD, which then only waits, and can be taken back where another NIC is attached", async () => {
        await machines.run("waits", [podNic, red]);
        await machines.plug("waits", { name: "blue", nad: "missing", macAddress: "02:00:00:00:00:0b" });
        const vmi = await machines.untilVmi(
            "waits",
            "to wait",
            (vmi) => condition(vmi, "MigrationRequired")?.reason === "AutoMigrationPending",
        );
        assert.ok(names(vmi.spec).includes("blue"));
        assert.equal(condition(vmi, "Synchronized"), undefined);
        await machines.setState("waits", "blue", "absent");
        await machines.gone("waits", "blue");
    });

    it("stands behind the API server's own permissions: reader reads, nobody does not even that", async () => {
        const reader = await testClients("reader");
        const list = { group: "kubevirt.io", version: "v1", namespace: namespace.name, plural: "virtualmachines" };
        await reader.custom.listNamespacedCustomObject(list);
        await assert.rejects(
            reader.custom.createNamespacedCustomObject({ ...list, body: machineManifest("forbidden", [podNic]) }),
            (error) => {
                assert.match(
                    messageOf(error),
                    /^virtualmachines.kubevirt.io is forbidden: User "reader" cannot create resource/,
                );
                return true;
            },
        );
        const nobody = await testClients("nobody");
        await assert.rejects(nobody.custom.listNamespacedCustomObject(list), (error) => {
            assert.match(
                messageOf(error),
                /^virtualmachines.kubevirt.io is forbidden: User "nobody" cannot list resource/,
            );
            return true;
        });
    });
});
