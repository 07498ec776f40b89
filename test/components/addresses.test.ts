import assert from "node:assert/strict";
import { IPPool, IPReservation, Network, type IPConfigArgs } from "../../index";
import { deploy, find, namesOf, refusalOf, virtualMachine, type Registered } from "./deploy";

const RESERVED = { "web-vm-eth1-address": { cidr: "10.0.0.7/24", allocatedAt: "2026-11-21T10:00:00Z" } };

async function machine(ipConfig: (pool: IPPool) => IPConfigArgs): Promise<readonly Registered[]> {
    const { registered } = await deploy(
        () => {
            const pool = new IPPool("lan-pool", { cidr: "10.0.0.0/24", gateway: "10.0.0.1" });
            const network = new Network("lan", { type: "bridge" });
            return virtualMachine({ networks: [{ name: "eth1", type: "bridge", network, ipConfig: ipConfig(pool) }] });
        },
        { outputs: RESERVED },
    );
    return registered;
}

describe("the addresses of a VirtualMachine's NICs", () => {
    it("are reserved from a pool of the program, which goes along as it is declared and comes first", async () => {
        const registered = await machine((pool) => ({ mode: "static", ipPool: pool }));
        const { inputs, dependencies } = find(registered, "IPReservation", "web-vm-eth1-address");
        const blocks = [{ cidr: "10.0.0.0/24", gateway: "10.0.0.1" }];
        assert.deepEqual(inputs.pool, { name: "lan-pool", space: "lan-pool", blocks });
        assert.ok(dependencies.includes("lan-pool"));
        assert.equal("requested" in inputs, false);
    });

    it("are reserved for the NIC, under a key that a recreated VM has again", async () => {
        const { inputs } = find(
            await machine((pool) => ({ mode: "static", ipPool: pool })),
            "IPReservation",
            "web-vm-eth1-address",
        );
        assert.equal(inputs.owner, "default/web-vm/eth1");
        assert.deepEqual([inputs.vm, inputs.nic, inputs.manager], ["default/web-vm", "eth1", "acme/shop/dev"]);
        assert.match(inputs.macAddress, /^02:/);
    });

    it("may be from a pool that the cluster has, by its name", async () => {
        const registered = await machine(() => ({ mode: "static", ipPool: "shared", address: "10.0.0.7" }));
        const { inputs } = find(registered, "IPReservation", "web-vm-eth1-address");
        assert.deepEqual([inputs.pool, inputs.requested], ["shared", "10.0.0.7"]);
    });

    it("are unique in their network where they come from no pool", async () => {
        const registered = await machine(() => ({ mode: "static", address: "10.0.0.7/24" }));
        const { inputs } = find(registered, "IPReservation", "web-vm-eth1-address");
        assert.equal("pool" in inputs, false);
        assert.match(inputs.space, /^net-default-lan-[a-z2-7]{12}$/);
    });

    it("are what NIC and guest get", async () => {
        const registered = await machine((pool) => ({ mode: "static", ipPool: pool }));
        assert.deepEqual(find(registered, "NetworkInterface", "web-vm-eth1").inputs.addresses, ["10.0.0.7/24"]);
        const { stringData } = find(registered, "Secret", "web-vm-cloud-init").inputs;
        assert.match(stringData.secret.networkdata, /"10\.0\.0\.7\/24"/);
    });

    it("are one of each family of a pool of the program that has both, unless one is named", async () => {
        const dual = (ipConfig: Partial<IPConfigArgs>) =>
            deploy(() => {
                const blocks = [{ cidr: "10.0.0.0/24" }, { cidr: "2001:db8::/64" }];
                const ipPool = new IPPool("lan-pool", { blocks });
                const network = new Network("lan", { type: "bridge" });
                const nic = { name: "eth1", type: "bridge" as const, network };
                return virtualMachine({ networks: [{ ...nic, ipConfig: { mode: "static", ipPool, ...ipConfig } }] });
            });
        const { registered } = await dual({});
        const families = registered
            .filter(({ type }) => type.endsWith(":IPReservation"))
            .map(({ name, inputs }) => [name, inputs.family, inputs.owner]);
        assert.deepEqual(families, [
            ["web-vm-eth1-address", "IPv4", "default/web-vm/eth1"],
            ["web-vm-eth1-address-ipv6", "IPv6", "default/web-vm/eth1"],
        ]);
        const named = await dual({ address: "10.0.0.7" });
        assert.deepEqual(namesOf(named.registered, "IPReservation"), ["web-vm-eth1-address"]);
    });

    it("are more with secondaryAddresses, of the NIC's pool or one of their own, kept with reserved", async () => {
        const registered = await machine((pool) => ({
            mode: "static",
            ipPool: pool,
            secondaryAddresses: [{ address: "10.0.0.9" }, { ipPool: "other" }],
            reserved: true,
        }));
        const all = registered.filter(({ type }) => type.endsWith(":IPReservation"));
        assert.deepEqual(
            all
                .map(({ name, inputs }) => [name, inputs.owner, inputs.pool.name ?? inputs.pool, inputs.requested])
                .sort(),
            [
                ["web-vm-eth1-address", "default/web-vm/eth1", "lan-pool", undefined],
                ["web-vm-eth1-address-1", "default/web-vm/eth1#1", "lan-pool", "10.0.0.9"],
                ["web-vm-eth1-address-2", "default/web-vm/eth1#2", "other", undefined],
            ],
        );
        assert.deepEqual(
            all.map(({ inputs }) => inputs.retain),
            [true, true, true],
        );
    });

    it("know the requests of their pool that the program made before", async () => {
        const { registered } = await deploy(() => {
            const pool = new IPPool("lan-pool", { cidr: "10.0.0.0/24" });
            new IPReservation("a", { pool });
            new IPReservation("elsewhere", { pool: "other" });
            new IPReservation("b", { pool, address: "10.0.0.9" });
            new IPReservation("c", { pool });
        });
        const earlier = (name: string): unknown =>
            JSON.parse(find(registered, "IPReservation", name).inputs.earlier as string) as unknown;
        assert.deepEqual(earlier("a"), []);
        assert.deepEqual(earlier("elsewhere"), []);
        assert.deepEqual(earlier("c"), [{ owner: "owner:a" }, { owner: "owner:b", requested: "10.0.0.9" }]);
    });

    it("are nobody's business with DHCP", async () => {
        const registered = await machine(() => ({ mode: "dhcp" }));
        assert.deepEqual(namesOf(registered, "IPReservation"), []);
        assert.deepEqual(find(registered, "NetworkInterface", "web-vm-eth1").inputs.addresses, []);
    });

    it("show in the list of networks as Wukong manifests have it", async () => {
        const { value } = await deploy(
            () => {
                const pool = new IPPool("lan-pool", { cidr: "10.0.0.0/24" });
                const vm = virtualMachine({
                    networks: [
                        { name: "eth0", type: "pod" },
                        { name: "eth1", type: "bridge", ipConfig: { mode: "static", ipPool: pool } },
                    ],
                });
                return new Promise((resolve) => void vm.networks.apply(resolve));
            },
            { outputs: RESERVED },
        );
        assert.deepEqual(await value, [
            { name: "eth0", type: "pod", nadName: "", ipAddress: "", ipAllocated: false, ipAllocatedTime: "" },
            {
                ...{ name: "eth1", type: "bridge", nadName: "default/web-vm-eth1", ipAddress: "10.0.0.7/24" },
                ...{ ipAllocated: true, ipAllocatedTime: "2026-11-21T10:00:00Z" },
            },
        ]);
    });
});

describe("IPPool and IPReservation", () => {
    it("makes the object of the pool, with one block of cidr and the fields beside it", async () => {
        const { registered } = await deploy(
            () =>
                new IPPool("lan-pool", {
                    ...{ space: "site-1", cidr: "10.0.0.0/24", ranges: ["10.0.0.100-10.0.0.199"] },
                    ...{ exclude: ["10.0.0.150"], gateway: "10.0.0.1" },
                    ...{ dnsServers: ["10.0.0.2"], searchDomains: ["corp.example"], vlanId: 100 },
                }),
        );
        const pool = registered.find(({ type }) => type === "kubernetes:vm.novasphere.dev/v1alpha1:IPPool");
        assert.equal(pool?.inputs.metadata.name, "lan-pool");
        assert.deepEqual(pool.inputs.spec, {
            space: "site-1",
            blocks: [
                {
                    ...{ cidr: "10.0.0.0/24", ranges: ["10.0.0.100-10.0.0.199"] },
                    ...{ exclude: ["10.0.0.150"], gateway: "10.0.0.1" },
                },
            ],
            ...{ dnsServers: ["10.0.0.2"], searchDomains: ["corp.example"], vlanId: 100 },
        });
    });

    it("refuses a pool with a bad block before it makes anything", async () => {
        const { error, registered } = await refusalOf(() => new IPPool("lan-pool", { cidr: "10.0.0.5/24" }));
        assert.match(error.message, /^IPPool lan-pool .*cidr "10\.0\.0\.5\/24" is refused: .*10\.0\.0\.0\/24/);
        assert.deepEqual(
            registered.filter(({ custom }) => custom),
            [],
        );
    });

    it("reserves for an owner that cannot be taken for a NIC", async () => {
        const { registered } = await deploy(() => {
            const pool = new IPPool("lan-pool", { cidr: "10.0.0.0/24" });
            new IPReservation("spare", { pool, address: "10.0.0.9" });
            new IPReservation("vip", { pool, owner: "keepalived", macAddress: "02:00:00:00:00:77" });
        });
        const spare = find(registered, "IPReservation", "spare").inputs;
        assert.deepEqual([spare.owner, spare.requested], ["owner:spare", "10.0.0.9"]);
        const vip = find(registered, "IPReservation", "vip").inputs;
        assert.deepEqual([vip.owner, vip.macAddress], ["owner:keepalived", "02:00:00:00:00:77"]);
    });
});
