import assert from "node:assert/strict";
import { Network, VirtualMachine } from "../../index";
import { listedNics } from "../support/cluster-view";
import { useStack } from "../support/use-stack";

const EJECTS = "embedded.vm.novasphere.dev/guest-ejects";

describe("a NIC or a network that cannot go", () => {
    const suite = useStack("hindered");
    const { namespace } = suite;

    /** A VM whose guest does not answer when it is to release a NIC, and a network. */
    function program(nics: string[], networks = ["lan"]) {
        return async () => {
            const made = networks.map((name) => new Network(name, { type: "bridge", namespace: namespace.name }));
            const [lan] = made;
            if (lan && nics.length > 0) {
                new VirtualMachine("web", {
                    namespace: namespace.name,
                    cpu: 1,
                    memory: "64Mi",
                    annotations: { [EJECTS]: "false" },
                    // Also the time for the VM's start, on a machine that may be busy.
                    timeoutSeconds: 15,
                    networks: nics.map((name) => ({ name, type: "bridge", network: lan })),
                });
            }
            return Promise.resolve();
        };
    }

    it("ends in an error at the deadline where the guest does not release it, and the next `up` goes on", async () => {
        await suite.stack.up(program(["eth0", "eth1"]));
        const life = await suite.view.life("web-vm");
        await assert.rejects(suite.stack.up(program(["eth0"])), (error: Error) => {
            assert.match(
                error.message,
                new RegExp(`Waited 15 s for NIC "eth1" to leave VM "${namespace.name}/web-vm". Last seen: \\S+: .+`),
            );
            assert.doesNotMatch(error.message, /\n\s+at .*\.js:\d+:\d+\)?\n.*network-interface/, "no stack trace");
            return true;
        });
        assert.equal(listedNics(await suite.view.vm("web-vm")).eth1?.state, "absent", "the request stands");
        assert.ok("eth1" in (await suite.view.plugged("web-vm")), "the guest has it still");

        const path = `/metadata/annotations/${EJECTS.replaceAll("/", "~1")}`;
        await suite.view.patchVmi("web-vm", [{ op: "replace", path, value: "true" }]);
        await suite.stack.up(program(["eth0"]));
        assert.deepEqual(Object.keys(await suite.view.plugged("web-vm")), ["eth0"]);
        assert.deepEqual(Object.keys(listedNics(await suite.view.vm("web-vm"))), ["eth0"]);
        assert.deepEqual(await suite.view.life("web-vm"), life);
    });

    it("stays where a VM of somebody else's names the network, which the refusal says", async () => {
        await suite.stack.up(program(["eth0"], ["lan", "dmz"]));
        const { custom } = namespace.clients;
        const place = { group: "kubevirt.io", version: "v1", namespace: namespace.name, plural: "virtualmachines" };
        const networks = [{ name: "net", multus: { networkName: "dmz" } }];
        const interfaces = [{ name: "net", bridge: {} }];
        const spec = { domain: { memory: { guest: "64Mi" }, devices: { interfaces } }, networks };
        await custom.createNamespacedCustomObject({
            ...place,
            body: {
                apiVersion: "kubevirt.io/v1",
                kind: "VirtualMachine",
                metadata: { name: "theirs" },
                spec: { runStrategy: "Halted", template: { spec } },
            },
        });
        await assert.rejects(suite.stack.up(program(["eth0"])), (error: Error) => {
            const { name } = namespace;
            assert.ok(
                error.message.includes(
                    `The network ${name}/dmz cannot be deleted: it is named by VM ${name}/theirs. Detach the NIC there`,
                ),
                error.message,
            );
            return true;
        });
        assert.ok("NetworkAttachmentDefinition dmz" in (await suite.view.everything()));
        await custom.deleteNamespacedCustomObject({ ...place, name: "theirs" });
        await suite.stack.up(program(["eth0"]));
        assert.ok(!("NetworkAttachmentDefinition dmz" in (await suite.view.everything())));
        assert.ok("NetworkAttachmentDefinition lan" in (await suite.view.everything()), "the VM has that one");
    });
});
