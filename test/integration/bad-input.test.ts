import assert from "node:assert/strict";
import * as k8s from "@kubernetes/client-node";
import { IPPool, IPReservation, Network, type NetworkInterfaceArgs } from "../../index";
import { check } from "../../dynamic/ip-reservation/provider";
import { testKubeconfig, type TestUser } from "../support/embedded-cluster";
import { machine, PASSWORD } from "../support/machine";
import { assertSays, refusalOf } from "../support/refusal";
import { useStack } from "../support/use-stack";

describe("bad input, refused by a preview before anything is written", () => {
    const suite = useStack("bad-input");
    const { namespace } = suite;
    const poolName = `pool-${namespace.name}`;

    /** What a preview of the program is refused with, while the cluster stays as it is. */
    async function refusal(program: () => void): Promise<string> {
        const before = await suite.view.everything();
        const run = suite.stack.preview(async () => {
            program();
            return Promise.resolve();
        });
        const text = await refusalOf(run, [PASSWORD, await tokenOf("admin"), await tokenOf("reader")]);
        assert.deepEqual(await suite.view.everything(), before, "nothing is written");
        return text;
    }

    it("is every mistake of a VM's NICs that the program alone shows, all of them at once", async () => {
        const bridge = { type: "bridge" } as const;
        const fixed = (address: string, more: object = {}) => ({
            ipConfig: { mode: "static", address, ...more } as const,
        });
        const text = await refusal(() =>
            machine(namespace.name, "web", [
                { name: "eth0", ...bridge },
                { name: "eth0", ...bridge },
                { name: "mac", ...bridge, macAddress: "02:00:00:00:0g:01" },
                { name: "cidr", ...bridge, ...fixed("10.1.0.300/24") },
                { name: "net", ...bridge, ...fixed("10.2.0.0/24") },
                { name: "cast", ...bridge, ...fixed("10.3.0.255/24") },
                { name: "gw", ...bridge, ...fixed("10.4.0.5/24", { gateway: "10.5.0.1" }) },
            ]),
        );
        const say = (nic: string, ...parts: (string | RegExp)[]): void => {
            assertSays(text, `NIC "${nic}" of VM "web-vm": `, ...parts);
        };
        say("eth0", 'networks[1].name "eth0" is refused', "same name", "held by networks[0]", "a name of its own");
        say("mac", 'macAddress "02:00:00:00:0g:01" is refused', "six octets", "six pairs of hexadecimal digits");
        say("cidr", 'ipConfig.address "10.1.0.300/24" is refused', /300|0 to 255|octet/);
        say("net", 'ipConfig.address "10.2.0.0/24" is refused', "network address of 10.2.0.0/24", "host address");
        say("cast", 'ipConfig.address "10.3.0.255/24" is refused', "broadcast address of 10.3.0.0/24", "host address");
        say("gw", 'ipConfig.gateway "10.5.0.1" is refused', "outside 10.4.0.0/24", "another host of 10.4.0.0/24");
    });

    it("is every mistake of a pool", async () => {
        const text = await refusal(
            () =>
                new IPPool(poolName, {
                    blocks: [
                        { cidr: "10.0.0.0/40" },
                        { cidr: "10.6.0.9/24" },
                        { cidr: "10.7.0.0/24", gateway: "10.8.0.1" },
                        { cidr: "10.9.0.0/24", ranges: ["10.9.1.5-10.9.1.9"] },
                    ],
                }),
        );
        const say = (...parts: (string | RegExp)[]): void => assertSays(text, `IPPool "${poolName}": `, ...parts);
        say('blocks[0].cidr "10.0.0.0/40" is refused', "32");
        say('blocks[1].cidr "10.6.0.9/24" is refused', "10.6.0.0/24");
        say('blocks[2].gateway "10.8.0.1" is refused', "outside 10.7.0.0/24", "host address of 10.7.0.0/24");
        say('blocks[3].ranges[0] "10.9.1.5-10.9.1.9" is refused', "outside 10.9.0.0/24");
    });

    it("is an address that another NIC of the program has", async () => {
        const text = await refusal(() => {
            const pool = new IPPool(poolName, { cidr: "10.50.0.0/24" });
            const lan = new Network("lan", { type: "bridge", namespace: namespace.name });
            const nic = (address: string): NetworkInterfaceArgs => ({
                ...{ name: "eth0", type: "bridge", network: lan },
                ipConfig: { mode: "static", address, ipPool: pool },
            });
            machine(namespace.name, "web", [nic("10.50.0.10")]);
            machine(namespace.name, "db", [nic("10.50.0.10/24")]);
        });
        const names = /NIC "eth0" of VM "(\S+)\/(web|db)-vm": ipConfig\.address/.exec(text);
        assert.equal(names?.[1], namespace.name);
        const other = names[2] === "web" ? "db-vm" : "web-vm";
        assertSays(
            text,
            /ipConfig\.address "10\.50\.0\.10(\/24)?" is refused/,
            `space "${poolName}"`,
            `held by NIC "eth0" of VM "${namespace.name}/${other}" of this program`,
            "choose another address",
        );
    });

    it("is an address that somebody in the cluster has, and a pool that others and the program fill", async () => {
        const owner = { key: "billing/db-vm/eth7", manager: "acme/billing/prod" };
        await suite.view.makeReservation(poolName, "10.51.0.3", owner);
        await suite.view.makeReservation(poolName, "10.51.0.4", owner);
        try {
            // 2^3 addresses without network, broadcast and gateway.
            const pool = (): IPPool => new IPPool(poolName, { cidr: "10.51.0.0/29", gateway: "10.51.0.1" });
            const taken = await refusal(() => {
                const ipConfig = { mode: "static", address: "10.51.0.4/29", ipPool: pool() } as const;
                machine(namespace.name, "web", [{ name: "eth0", type: "bridge", ipConfig }]);
            });
            assertSays(
                taken,
                `NIC "eth0" of VM "${namespace.name}/web-vm": ipConfig.address "10.51.0.4/29" is refused`,
                'held by NIC "eth7" of VM "billing/db-vm" of stack acme/billing/prod',
                "choose another address",
            );

            const full = await refusal(() => {
                const ipConfig = { mode: "static", ipPool: pool() } as const;
                for (const name of ["a", "b", "c", "d"]) {
                    machine(namespace.name, name, [{ name: "eth0", type: "bridge", ipConfig }]);
                }
            });
            assertSays(
                full,
                /NIC "eth0" of VM "\S+\/[abcd]-vm": ipConfig\.ipPool/,
                `"${poolName}" is refused: the pool is full (0 free of 5: 8 addresses in 10.51.0.0/29, less 2 reserved`,
                "1 gateway; 5 used: 5 active",
                "widen the pool's ranges, or release addresses",
            );
        } finally {
            await suite.view.deleteReservation(poolName, "10.51.0.3");
            await suite.view.deleteReservation(poolName, "10.51.0.4");
        }
    });

    it("[case 19] is a pool over the Services' network where it is to be enforced, and a warning where it is not", async () => {
        const kubernetes = (policy: "Enforce" | "Warn") => () =>
            new IPPool(poolName, { cidr: "10.96.7.0/24", conflicts: { policy } });
        const overlap = ["10.96.7.0/24", "10.96.0.0/16", 'ServiceCIDR "kubernetes"'] as const;
        assertSays(await refusal(kubernetes("Enforce")), `IPPool "${poolName}"`, "is refused", ...overlap);
        const program = async (): Promise<void> => {
            kubernetes("Warn")();
            return Promise.resolve();
        };
        assertSays((await suite.stack.preview(program)).text, `warning: IPPool "${poolName}"`, ...overlap);
    });

    it("[case 17] is not two pools of a space with addresses in common, which is a warning", async () => {
        const program = async (): Promise<void> => {
            const space = poolName;
            new IPPool(poolName, { space, cidr: "10.56.0.0/24" });
            new IPPool(`other-${poolName}`, { space, cidr: "10.56.0.128/25" });
            return Promise.resolve();
        };
        await suite.stack.up(program);
        const { text } = await suite.stack.preview(program);
        assertSays(
            text,
            "warning: IPPool",
            "10.56.0.129-10.56.0.254",
            "of the same space",
            "gives out these addresses too",
        );
        await suite.stack.destroy();
    });

    describe("in an address of a pool", () => {
        const spec = { blocks: [{ cidr: "10.52.0.0/24", gateway: "10.52.0.1", exclude: ["10.52.0.9"] }] };

        /** What the check of a reservation, with the cluster at hand, says of it; nothing is written by it either. */
        async function sentence(inputs: object): Promise<string> {
            const connection = { kubeconfig: await testKubeconfig() };
            const ofNic = { owner: `${namespace.name}/web-vm/eth0`, vm: `${namespace.name}/web-vm`, nic: "eth0" };
            const before = await suite.view.everything();
            const { failures } = await check({}, { connection, ...ofNic, manager: "acme/shop/dev", ...inputs });
            assert.deepEqual(await suite.view.everything(), before);
            assert.equal(failures?.length, 1);
            return failures[0]!.reason;
        }

        const rows: [string, string, rule: string, remedy: string][] = [
            ["an address of another network", "10.53.0.5", "it is outside pool", "choose an address of the pool"],
            ["its network address", "10.52.0.0", "it is the network address of 10.52.0.0/24", "choose another"],
            [
                "its broadcast address",
                "10.52.0.255/24",
                "it is the broadcast address of 10.52.0.0/24",
                "choose another",
            ],
            ["its gateway", "10.52.0.1", "it is the gateway of 10.52.0.0/24", "choose another"],
            ["an excluded address", "10.52.0.9", "it is excluded from 10.52.0.0/24", "choose another"],
            ["another prefix length", "10.52.0.5/16", "its prefix length is not that of 10.52.0.0/24", "10.52.0.5/24"],
            ["no address", "10.52.0.256", "it is not a canonical IPv4 address", "write it as"],
        ];
        for (const [what, requested, rule, remedy] of rows) {
            it(`is ${what}`, async () => {
                const pool = { name: poolName, space: poolName, ...spec };
                const place = `NIC "eth0" of VM "${namespace.name}/web-vm": ipConfig.address`;
                assertSays(
                    await sentence({ pool, requested }),
                    `${place} "${requested}" is refused: ${rule}`,
                    "; ",
                    remedy,
                );
            });
        }

        it("is a pool that is full already", async () => {
            // A space of its own: what a space holds is read once in a run, which here is the whole test process.
            const full = `full-${namespace.name}`;
            const pool = { name: full, space: full, blocks: [{ cidr: "10.54.0.0/30", gateway: "10.54.0.1" }] };
            await suite.view.makeReservation(full, "10.54.0.2", { key: "owner:printer", manager: "acme/office/prod" });
            try {
                assertSays(
                    await sentence({ pool }),
                    `ipConfig.ipPool "${full}" is refused: the pool is full (0 free of 1: 4 addresses in 10.54.0.0/30`,
                    "2 reserved",
                    "1 gateway; 1 used: 1 active; top owners: owner:printer (1))",
                );
                const taken = await sentence({ pool, requested: "10.54.0.2" });
                assertSays(taken, 'held by "printer" of stack acme/office/prod');
            } finally {
                await suite.view.deleteReservation(full, "10.54.0.2");
            }
        });

        it("is the name of a pool that the cluster does not have", async () => {
            const text = await sentence({ pool: "no-such-pool" });
            assertSays(text, 'ipConfig.ipPool "no-such-pool" is refused: the cluster has no', "IPPool", "declare one");
        });

        it("is named by its place in an IPReservation, too", async () => {
            const pool = { name: poolName, space: poolName, ...spec };
            const free = { owner: "owner:vip", vm: undefined, nic: undefined };
            const place = 'IPReservation for "vip": ';
            assertSays(
                await sentence({ ...free, pool, requested: "10.52.0.0" }),
                `${place}address "10.52.0.0" is refused`,
            );
            assertSays(await sentence({ ...free, pool: "no-such-pool" }), `${place}pool "no-such-pool" is refused`);
            const alone = { ...free, space: poolName, requested: "10.52.0.7/24", declaredGateway: "10.60.0.1" };
            assertSays(await sentence(alone), `${place}gateway "10.60.0.1" is refused`, "outside 10.52.0.0/24");
        });
    });

    it("is a network that the cluster does not have", async () => {
        await suite.view.makeNad("there");
        try {
            const text = await refusal(() =>
                machine(namespace.name, "web", [{ name: "eth0", type: "bridge", nadName: "missing" }]),
            );
            assertSays(
                text,
                `NIC "eth0" of VM "${namespace.name}/web-vm": nadName "${namespace.name}/missing" is refused`,
                "no such NetworkAttachmentDefinition",
                "there",
                "declare a Network",
            );
        } finally {
            await namespace.clients.custom.deleteNamespacedCustomObject({
                ...{ group: "k8s.cni.cncf.io", version: "v1", plural: "network-attachment-definitions" },
                ...{ namespace: namespace.name, name: "there" },
            });
        }
    });

    describe("by who may not do what it takes", () => {
        after("go on as administrator", async () => {
            await suite.stack.become("admin");
        });

        const network = (): void => {
            const lan = new Network("lan", { type: "bridge", namespace: namespace.name });
            machine(namespace.name, "web", [{ name: "eth0", type: "bridge", network: lan }]);
        };

        it("is what a reader may not do, verb by verb", async () => {
            await suite.stack.become("reader");
            const text = await refusal(network);
            assertSays(
                text,
                "The kubeconfig's user may not create, patch or delete network-attachment-definitions.k8s.cni.cncf.io",
                `in the namespace ${namespace.name} on the cluster at https://127.0.0.1:`,
                "Grant it by a Role or ClusterRole",
            );
            const [, said = ""] = /has a problem: (.*)$/m.exec(text) ?? [];
            const sentences = said.split(/(?<=\.) /);
            assert.deepEqual([...new Set(sentences)], sentences, "each sentence once");
        });

        it("is all that nobody may do", async () => {
            await suite.stack.become("nobody");
            const text = await refusal(network);
            assertSays(text, "may not list virtualmachines.kubevirt.io in all namespaces on the cluster at https://");
            assertSays(text, "may not list pods in all namespaces");
        });

        it("is each permission that a VM and its address take", async () => {
            await suite.stack.become("reader");
            const address = await refusal(() => {
                new IPReservation("spare", { space: "lan", address: "10.55.0.5/24" });
            });
            assertSays(address, "may not create, patch or delete ipreservations.vm.novasphere.dev on the cluster");
            assertSays(address, "may not create iphistories.vm.novasphere.dev on the cluster");
            const pool = await refusal(() => new IPPool(poolName, { cidr: "10.55.0.0/24" }));
            assertSays(pool, "may not patch, create or delete ippools.vm.novasphere.dev on the cluster");
            const vm = await refusal(() => machine(namespace.name, "web", [{ name: "eth0", type: "pod" }]));
            assertSays(vm, `may not patch virtualmachines.kubevirt.io in the namespace ${namespace.name}`);
        });
    });
});

async function tokenOf(user: TestUser): Promise<string> {
    const config = new k8s.KubeConfig();
    config.loadFromFile(await testKubeconfig(user));
    return config.getCurrentUser()!.token!;
}
