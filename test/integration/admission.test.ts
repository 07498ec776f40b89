import assert from "node:assert/strict";
import { Network, VirtualMachine, type NetworkInterfaceArgs, type RunStrategy } from "../../index";
import { admissionRules, refusedInDryRun } from "../cluster/admission-rules";
import { assertSays, refusalOf } from "../support/refusal";
import { useStack } from "../support/use-stack";

/** What of a VM's template is not the same in all tests. */
interface Template {
    readonly disks?: readonly { readonly name: string }[];
    readonly readinessProbe?: object;
}

describe("what KubeVirt's admission refuses, at preview", () => {
    const suite = useStack("admission");
    const { namespace } = suite;
    const eth0: NetworkInterfaceArgs = { name: "eth0", type: "bridge" };
    const mgmt: NetworkInterfaceArgs = { name: "mgmt", type: "pod" };
    const probed = { readinessProbe: { tcpSocket: { port: 80 } } };

    /** A VM that is off, with these NICs, on the network "lan" where they are on any. */
    const program =
        (nics: NetworkInterfaceArgs[], template: Template = {}, runStrategy: RunStrategy = "Halted") =>
        async () => {
            const network = new Network("lan", { type: "bridge", namespace: namespace.name });
            const { disks = [], ...rest } = template;
            new VirtualMachine("web", {
                namespace: namespace.name,
                runStrategy,
                template: {
                    spec: {
                        domain: { memory: { guest: "64Mi" }, devices: { disks } },
                        volumes: disks.map(({ name }) => ({ name, containerDisk: { image: "example.com/disk" } })),
                        ...rest,
                    },
                },
                networks: nics.map((nic) => ({ ...nic, ...(nic.type === "bridge" && { network }) })),
            });
            return Promise.resolve();
        };

    async function refusal(refused: () => Promise<void>): Promise<string> {
        const before = await suite.view.written();
        const text = await refusalOf(suite.stack.preview(refused));
        assert.deepEqual(await suite.view.written(), before, "nothing is written");
        return text;
    }

    it("is told in KubeVirt's own words where a dry run of the VM meets it", async () => {
        const text = await refusal(program([mgmt], { disks: refusedInDryRun.disks }));
        for (const rule of refusedInDryRun.rules) {
            assertSays(text, "denied the request", admissionRules[rule]);
        }
    });

    it("is told where the dry run does not: a probe without pod network, and a run strategy that is none", async () => {
        const text = await refusal(program([eth0], probed, "Sometimes" as RunStrategy));
        assertSays(text, 'VM "web-vm": runStrategy "Sometimes" is refused', "Always, RerunOnFailure");
        assertSays(text, 'VM "web-vm": template.spec.readinessProbe.tcpSocket is refused', "pod network");
    });

    it("is told of a second NIC on the pod network, beside one that goes later", async () => {
        await suite.stack.up(program([eth0, mgmt], probed));
        const text = await refusal(program([eth0, { ...mgmt, name: "other" }], probed));
        assertSays(text, 'NIC "other" of VM', 'type "pod" is refused', 'held by NIC "mgmt" of the VM in the cluster');
    });

    it("is told of a probed VM that would be without pod network for a moment, as KubeVirt itself says", async () => {
        const moved = program([eth0, { ...mgmt, macAddress: "02:00:00:00:00:07" }], probed);
        assertSays(await refusal(moved), 'NIC "mgmt" of VM', "networks is refused", "with readinessProbe.tcpSocket");
        const index = (await suite.view.vm("web-vm")).spec.template.spec.networks?.findIndex(({ pod }) => pod) ?? -1;
        const lists = ["networks", "domain/devices/interfaces"].map((list) => `/spec/template/spec/${list}/${index}`);
        const taken = suite.view.patchVm(
            "web-vm",
            lists.map((path) => ({ op: "remove", path })),
        );
        await assert.rejects(taken, (error) => {
            assertSays(String(error), admissionRules.probe);
            return true;
        });
    });
});
