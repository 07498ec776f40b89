import assert from "node:assert/strict";
import {
    IPPool,
    IPReservation,
    Network,
    VirtualMachine,
    type IPConfigArgs,
    type IPPoolArgs,
    type RunStrategy,
} from "../../index";
import { assertSays, refusalOf } from "../support/refusal";
import { useStack } from "../support/use-stack";

describe("the addresses of a program, by one `pulumi up` after the other", () => {
    const suite = useStack("addresses");
    const { namespace } = suite;
    const poolName = (suffix: string): string => `${suffix}-${namespace.name}`;

    /** A VM with one bridge NIC. */
    function vm(
        pool: IPPoolArgs,
        ipConfig?: (pool: IPPool) => Partial<IPConfigArgs>,
        runStrategy: RunStrategy = "Always",
    ) {
        return async () => {
            const made = new IPPool(poolName("lan"), pool);
            const network = new Network("lan", { type: "bridge", namespace: namespace.name });
            if (ipConfig) {
                const static_: IPConfigArgs = { mode: "static", ipPool: made, ...ipConfig(made) };
                const web = new VirtualMachine("web", {
                    namespace: namespace.name,
                    cpu: 1,
                    memory: "64Mi",
                    runStrategy,
                    networks: [{ name: "eth0", type: "bridge", network, ipConfig: static_ }],
                });
                return { addresses: web.interfaces.eth0?.addresses };
            }
            return Promise.resolve({});
        };
    }

    /** Reservations of one pool, by the names of their resources. */
    function reservations(pool: IPPoolArgs, owners: Record<string, string>, retain = false) {
        return async () => {
            const made = new IPPool(poolName("vips"), pool);
            const addresses = Object.entries(owners).map(([name, owner]) => {
                const reservation = new IPReservation(name, { pool: made, owner, ...(retain && { retain }) });
                return [name, reservation.address] as const;
            });
            return Promise.resolve(Object.fromEntries(addresses));
        };
    }

    async function held(): Promise<Record<string, string[]>> {
        const all: Record<string, string[]> = {};
        for (const { spec } of await suite.view.reservations()) {
            (all[spec.owner.key] ??= []).push(spec.address);
        }
        return all;
    }

    const DUAL: IPPoolArgs = {
        blocks: [
            { cidr: "10.42.0.0/28", gateway: "10.42.0.1" },
            { cidr: "2001:db8:42::/64", gateway: "2001:db8:42::1" },
        ],
    };

    it("[case 34] are one of each family where the pool has both, and the guest is told both", async () => {
        const preview = await suite.stack.preview(vm(DUAL, () => ({})));
        const planned = preview.steps
            .filter(({ type }) => type.endsWith("IPReservation"))
            .map(({ inputs }) => String(inputs.address))
            .sort();
        assert.match(planned[0] ?? "", /^10\.42\.0\.\d+$/);
        assert.match(planned[1] ?? "", /^2001:db8:42:/);
        await suite.stack.up(vm(DUAL, () => ({})));
        const key = `${namespace.name}/web-vm/eth0`;
        assert.deepEqual((await held())[key]?.sort(), planned, "as the preview said");
        const secret = await namespace.clients.core.readNamespacedSecret({
            name: "web-vm-cloud-init",
            namespace: namespace.name,
        });
        const networkData = Buffer.from(secret.data?.["networkdata"] ?? "", "base64").toString();
        for (const said of [`${planned[0] ?? ""}/28`, `${planned[1] ?? ""}/64`, "10.42.0.1", "2001:db8:42::1"]) {
            assert.ok(networkData.includes(`"${said}"`), `${networkData} has ${said}`);
        }
    });

    it("[case 45] are not touched where the VM is stopped and started", async () => {
        const versions = async (): Promise<unknown> =>
            (await suite.view.reservations()).map(({ metadata }) => [metadata?.name, metadata?.resourceVersion]).sort();
        const before = await versions();
        for (const runStrategy of ["Halted", "Always"] as const) {
            await suite.stack.up(vm(DUAL, () => ({}), runStrategy));
            assert.deepEqual(await versions(), before, runStrategy);
        }
    });

    it("[case 46] come back the same where one was removed by hand, and a refresh has told of it", async () => {
        const before = await held();
        const key = `${namespace.name}/web-vm/eth0`;
        const [address = ""] = before[key]?.filter((each) => each.includes(".")) ?? [];
        await suite.view.deleteReservation(poolName("lan"), address);
        await suite.stack.refresh();
        const { deployment } = (await suite.stack.state()) as { deployment: { resources: { urn: string }[] } };
        const names = deployment.resources.map(({ urn }) => urn.split("::").at(-1));
        assert.ok(!names.includes("web-vm-eth0-address"), `the state has ${names.join()}`);
        await suite.stack.up(vm(DUAL, () => ({})));
        assert.deepEqual(await held(), before);
    });

    it("[case 35] are more and fewer: the last go first, and the others stay", async () => {
        const further = (count: number) => () => ({ secondaryAddresses: Array.from({ length: count }, () => ({})) });
        const keys = (count: number): string[] =>
            ["", ...Array.from({ length: count }, (_, index) => `#${String(index + 1)}`)].map(
                (suffix) => `${namespace.name}/web-vm/eth0${suffix}`,
            );
        let before = await held();
        for (const count of [3, 2, 4]) {
            await suite.stack.up(vm(DUAL, further(count)));
            const after = await held();
            assert.deepEqual(Object.keys(after).sort(), keys(count).sort());
            for (const key of Object.keys(after).filter((each) => each in before)) {
                assert.deepEqual(after[key]?.sort(), before[key]?.sort(), `${key} keeps what it has`);
            }
            before = after;
        }
        const all = Object.values(before).flat();
        assert.equal(new Set(all).size, all.length);
    });

    it("[case 38] stay their NIC's when it is gone, where they are reserved, and come back to it", async () => {
        const reserved = vm(DUAL, () => ({ reserved: true }));
        const made = await suite.stack.up(reserved);
        const before = await held();
        await suite.stack.up(vm(DUAL));
        const kept = await suite.view.reservations();
        assert.deepEqual(
            kept.map(({ spec }) => [spec.state, spec.retain]),
            [
                ["Released", true],
                ["Released", true],
            ],
        );
        const again = await suite.stack.up(reserved);
        assert.deepEqual(again.outputs, made.outputs);
        assert.deepEqual(await held(), before);
        // Not reserved any more, they go with the NIC.
        await suite.stack.up(vm(DUAL, () => ({})));
        await suite.stack.up(vm(DUAL));
        assert.deepEqual(await held(), {});
    });

    it("[case 49] are not left outside by a change of their pool, which may grow", async () => {
        const small = { cidr: "10.43.0.0/28", ranges: ["10.43.0.5-10.43.0.6"] };
        const made = await suite.stack.up(reservations(small, { a: "a" }));
        const address = String(made.outputs.a);
        const other = address.endsWith(".5") ? "10.43.0.6" : "10.43.0.5";
        const text = await refusalOf(suite.stack.preview(reservations({ ...small, ranges: [other] }, { a: "a" })));
        assertSays(text, poolName("vips"), "leave out 1 address", `${address} of`, "release it first");
        const grown = { ...small, ranges: ["10.43.0.2-10.43.0.14"] };
        const after = await suite.stack.up(reservations(grown, { a: "a" }));
        assert.equal(after.outputs.a, address);
        const disabled = { ...grown, disabled: true };
        const none = await refusalOf(suite.stack.preview(reservations(disabled, { a: "a", b: "b" })));
        assertSays(none, "disabled");
        const still = await suite.stack.up(reservations(disabled, { a: "a" }));
        assert.equal(still.outputs.a, address, "[case 36] what is reserved stays");
    });

    it("[case 40] are one where their resource is renamed, and [case 44] another before the old one goes where their pool is", async () => {
        const pool = { cidr: "10.43.0.0/28", ranges: ["10.43.0.2-10.43.0.14"] };
        const before = await suite.stack.up(reservations(pool, { a: "a" }));
        const renamed = await suite.stack.up(reservations(pool, { z: "a" }));
        assert.equal(renamed.outputs.z, before.outputs.a);
        assert.deepEqual(await held(), { "owner:a": [String(before.outputs.a)] });
        const [reservation] = await suite.view.reservations();
        assert.equal(reservation?.spec.state, "Active");
    });

    it("[case 37] rest after their release as long as the pool says, and are nobody's meanwhile", async () => {
        const resting = { cidr: "10.44.0.0/29", ranges: ["10.44.0.2-10.44.0.3"], releaseGraceSeconds: 300 };
        const pools = (owners: Record<string, string>) => reservations(resting, owners);
        await suite.stack.destroy();
        const made = await suite.stack.up(pools({ a: "a", b: "b" }));
        await suite.stack.up(pools({ a: "a" }));
        const tombstone = (await suite.view.reservations()).find(({ spec }) => spec.owner.key === "owner:b");
        assert.equal(tombstone?.spec.address, made.outputs.b);
        assert.equal(tombstone?.spec.state, "Released");
        const full = await refusalOf(suite.stack.preview(pools({ a: "a", c: "c" })));
        assertSays(full, "full", "0 free of 2", "1 quarantined");
        const back = await suite.stack.up(pools({ a: "a", b: "b" }));
        assert.equal(back.outputs.b, made.outputs.b, "its owner has it back at once");
        await suite.stack.destroy();
        for (const address of [made.outputs.a, made.outputs.b]) {
            await suite.view.deleteReservation(poolName("vips"), String(address));
        }
    });

    it("[case 50] are not given out by a pool that is being deleted by hand, which stays for those it has", async () => {
        const pool = { cidr: "10.45.0.0/28" };
        await suite.stack.up(reservations(pool, { a: "a" }));
        await suite.view.deletePool(poolName("vips"));
        const text = await refusalOf(suite.stack.preview(reservations(pool, { a: "a", b: "b" })));
        assertSays(text, poolName("vips"), "is being deleted");
        assert.deepEqual(Object.keys(await held()), ["owner:a"]);
        await suite.stack.destroy();
    });

    it("[case 53] are not what another VM of the network has", async () => {
        await suite.view.makeNad("shared");
        const { custom } = namespace.clients;
        const networkData = [
            "version: 2",
            "ethernets:",
            "  net:",
            "    match: { macaddress: '02:00:00:00:45:01' }",
            "    addresses: [10.46.0.9/24]",
        ].join("\n");
        const theirs = { group: "kubevirt.io", version: "v1", namespace: namespace.name, plural: "virtualmachines" };
        await custom.createNamespacedCustomObject({
            ...theirs,
            body: {
                apiVersion: "kubevirt.io/v1",
                kind: "VirtualMachine",
                metadata: { name: "theirs" },
                spec: {
                    runStrategy: "Halted",
                    template: {
                        spec: {
                            domain: {
                                memory: { guest: "64Mi" },
                                devices: {
                                    disks: [{ name: "init", disk: {} }],
                                    interfaces: [{ name: "net", bridge: {}, macAddress: "02:00:00:00:45:01" }],
                                },
                            },
                            networks: [{ name: "net", multus: { networkName: "shared" } }],
                            volumes: [{ name: "init", cloudInitNoCloud: { userData: "#cloud-config\n", networkData } }],
                        },
                    },
                },
            },
        });
        const asked = async (): Promise<void> => {
            new VirtualMachine("ours", {
                namespace: namespace.name,
                cpu: 1,
                memory: "64Mi",
                networks: [
                    {
                        name: "eth0",
                        type: "bridge",
                        nadName: "shared",
                        ipConfig: { mode: "static", address: "10.46.0.9/24" },
                    },
                ],
            });
            return Promise.resolve();
        };
        const text = await refusalOf(suite.stack.preview(asked));
        assertSays(text, "eth0", "ipConfig.address", "10.46.0.9", "in use by", `${namespace.name}/theirs`);
        assert.deepEqual(await held(), {});
        await custom.deleteNamespacedCustomObject({ ...theirs, name: "theirs" });
        await suite.view.deleteNad("shared");
    });
});
