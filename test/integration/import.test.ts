import assert from "node:assert/strict";
import { ProgramFolder } from "../docs/program";
import { wukongHere } from "../cli/wukong";
import type { Vm } from "../support/cluster-view";
import { done, seen, until } from "../support/embedded-cluster";
import { assertSays, refusalOf } from "../support/refusal";
import { useStack } from "../support/use-stack";

const MAC = "02:00:5e:10:20:30";

/** What the package writes on a VM that it takes over, beside what is there. */
const ANNOTATIONS = ["pulumi.com/patchForce", "pulumi.com/skipAwait", "vm.novasphere.dev/managed-by"];

/** A VM as somebody wrote it by hand years ago, with things that a program has no words for. */
function manifest(name: string, interfaces: object[]): object {
    return {
        apiVersion: "kubevirt.io/v1",
        kind: "VirtualMachine",
        metadata: { name, labels: { team: "billing" }, annotations: { "example.com/ticket": "4711" } },
        spec: {
            running: true,
            template: {
                metadata: { labels: { app: name } },
                spec: {
                    domain: {
                        cpu: { sockets: 1, cores: 1, threads: 2 },
                        resources: { requests: { memory: "128Mi" } },
                        devices: {
                            rng: {},
                            disks: [{ name: "seed", disk: { bus: "virtio" } }],
                            interfaces,
                        },
                    },
                    networks: [
                        { name: "lan", multus: { networkName: "lan" } },
                        { name: "default", pod: {} },
                    ],
                    terminationGracePeriodSeconds: 0,
                    volumes: [{ name: "seed", cloudInitNoCloud: { userData: '#cloud-config\nhostname: "old"\n' } }],
                },
            },
        },
    };
}

describe("a VM that was made without Pulumi", () => {
    const suite = useStack("import", { handmade: ["NetworkAttachmentDefinition lan"] });
    const { namespace } = suite;
    const programs = new ProgramFolder();
    /** The program of the VM that is taken over. */
    let text = "";

    after(() => {
        programs.remove();
    });

    before("make the network", async () => {
        await suite.view.makeNad("lan");
    });

    async function make(name: string, interfaces: object[]): Promise<void> {
        await namespace.clients.custom.createNamespacedCustomObject({
            ...{ group: "kubevirt.io", version: "v1", namespace: namespace.name, plural: "virtualmachines" },
            body: manifest(name, interfaces),
        });
        await until(`${name} to run with its NICs`, async () => {
            const vm = await suite.view.vm(name);
            const plugged = vm.status?.ready === true ? Object.keys(await suite.view.plugged(name)) : [];
            return plugged.length === interfaces.length ? done(vm) : seen(vm.status);
        });
    }

    async function remove(name: string): Promise<void> {
        const object = {
            group: "kubevirt.io",
            version: "v1",
            namespace: namespace.name,
            plural: "virtualmachines",
            name,
        };
        await namespace.clients.custom.deleteNamespacedCustomObject({ ...object, propagationPolicy: "Foreground" });
        await until(`${name} to be gone`, async () => {
            const left = await suite.view.findVm(name);
            return left === undefined ? done(true) : seen(left.metadata);
        });
    }

    /** The object without what nobody declares. */
    function declared({ metadata, spec }: Vm): object {
        const annotations = Object.entries(metadata?.annotations ?? {}).filter(([key]) => !ANNOTATIONS.includes(key));
        return {
            spec,
            labels: metadata?.labels,
            annotations: Object.fromEntries(annotations),
            generation: metadata?.generation,
        };
    }

    it("is taken over by the program that the command prints, and nothing happens to it", async () => {
        await make("legacy", [
            { name: "lan", bridge: {}, macAddress: MAC, state: "down", tag: "uplink" },
            { name: "default", masquerade: {}, macAddress: "02:00:5e:10:20:31", model: "e1000" },
        ]);
        const { view, stack } = suite;
        const [found, life] = [await view.vm("legacy"), await view.life("legacy")];

        const { code, stdout, stderr } = await wukongHere(["import", "vm", `${namespace.name}/legacy`]);
        assert.equal(code, 0, stderr);
        text = stdout;
        for (const said of ["NIC lan keeps tag", "example.com/ticket", "Volume seed"]) {
            assert.ok(stderr.includes(said) && stdout.includes(said), said);
        }
        const program = programs.compile(stdout);

        const planned = await stack.preview(program);
        for (const nic of ["lan", "default"]) {
            assertSays(planned.text, `adopt ${nic} (`, "none, the VM has it already");
        }
        assert.doesNotMatch(planned.text, /: (live|boot|restart|refused)/);
        assert.equal((await view.vm("legacy")).metadata?.resourceVersion, found.metadata?.resourceVersion);

        await stack.up(program);
        const adopted = await view.vm("legacy");
        assert.deepEqual(declared(adopted), declared(found));
        const added = Object.keys(adopted.metadata?.annotations ?? {}).filter(
            (key) => !(key in (found.metadata?.annotations ?? {})),
        );
        assert.deepEqual(added.sort(), ANNOTATIONS);
        assert.deepEqual(await view.life("legacy"), life);

        const again = await stack.preview(program);
        assert.deepEqual([...new Set(again.steps.map(({ op }) => op))], ["same"]);
    });

    it("changes live from then on, also in what others had written", async () => {
        const { view, stack } = suite;
        const life = await view.life("legacy");
        const changed = text.replace(/,\s*linkState: "down"/, "").replace('team: "billing"', 'team: "sales"');
        await stack.up(programs.compile(changed));
        assert.equal((await view.plugged("legacy"))["lan"]?.link, "up");
        assert.deepEqual((await view.vm("legacy")).metadata?.labels?.["team"], "sales");
        assert.deepEqual(await view.life("legacy"), life);
    });

    it("is refused where a NIC has no MAC of its own, with the command that gives it one", async () => {
        await make("loose", [
            { name: "lan", bridge: {} },
            { name: "default", masquerade: {}, macAddress: "02:00:5e:10:20:32" },
        ]);
        const { code, stdout, stderr } = await wukongHere(["import", "vm", `${namespace.name}/loose`]);
        assert.equal(code, 2);
        const [, patch = ""] = /kubectl patch vm loose -n \S+ --type=json -p '([^']+)'/.exec(stderr) ?? [];
        const mac = (await suite.view.plugged("loose"))["lan"]?.mac;
        const path = "/spec/template/spec/domain/devices/interfaces/0/macAddress";
        assert.deepEqual(JSON.parse(patch), [{ op: "add", path, value: mac }]);
        const refusal = await refusalOf(suite.stack.preview(programs.compile(stdout)));
        assertSays(refusal, "lan", `${namespace.name}/loose`, 'macAddress "none"', mac ?? "");
        await remove("loose");
    });

    it("has to be there", async () => {
        const { code, stdout, stderr } = await wukongHere(["import", "vm", `${namespace.name}/nowhere`]);
        assert.deepEqual([code, stdout], [1, ""]);
        assertSays(stderr, `has no VM ${namespace.name}/nowhere`);
    });
});
