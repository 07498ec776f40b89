import assert from "node:assert/strict";
import * as pulumi from "@pulumi/pulumi";
import type { NetworkInterfaceArgs } from "../../index";
import { refusalOf, virtualMachine } from "./deploy";

type Nic = Partial<NetworkInterfaceArgs>;

/** NICs, and what the refusal says of them: field and value, and what rule or remedy names. */
const TABLE: [string, Nic[], field: string, value: string, says: RegExp][] = [
    ["two NICs of one name", [{}, {}], "networks[1].name", "eth1", /same name.*held by networks\[0\]/],
    ["a name that is no DNS label", [{ name: "Eth_1" }], "name", "Eth_1", /DNS label/],
    ["a MAC address that is none", [{ macAddress: "02:00:00:00:00" }], "macAddress", "02:00:00:00:00", /six octets/],
    ["a multicast MAC address", [{ macAddress: "03:00:00:00:00:01" }], "macAddress", "03:00:00:00:00:01", /multicast/],
    ["an unknown model", [{ model: "e2000" }], "model", "e2000", /virtio/],
    ["a network that is none", [ip("10.0.0/24")], "ipConfig.address", "10.0.0/24", /./],
    ["an address without prefix length", [ip("10.0.0.7")], "ipConfig.address", "10.0.0.7", /prefix|\/24/],
    ["a prefix length beyond 32", [ip("10.0.0.7/33")], "ipConfig.address", "10.0.0.7/33", /32/],
    [
        "the network address",
        [ip("10.0.0.0/24")],
        "ipConfig.address",
        "10.0.0.0/24",
        /network address of 10\.0\.0\.0\/24/,
    ],
    ["the broadcast address", [ip("10.0.0.255/24")], "ipConfig.address", "10.0.0.255/24", /broadcast address of 10/],
    [
        "a gateway outside the subnet",
        [ip("10.0.0.7/24", { gateway: "10.0.1.1" })],
        ...(["ipConfig.gateway", "10.0.1.1", /outside 10\.0\.0\.0\/24/] as const),
    ],
    [
        "the NIC's own address as gateway",
        [ip("10.0.0.7/24", { gateway: "10.0.0.7" })],
        ...(["ipConfig.gateway", "10.0.0.7", /own address/] as const),
    ],
    [
        "a route whose next hop is elsewhere",
        [ip("10.0.0.7/24", { routes: [{ to: "10.9.0.0/16", via: "10.1.0.1" }] })],
        ...(["ipConfig.routes[0].via", "10.1.0.1", /outside the NIC's subnet 10\.0\.0\.0\/24/] as const),
    ],
    [
        "two NICs of one MAC address",
        [{ macAddress: "02:00:00:00:00:07" }, { name: "eth2", macAddress: "02-00-00-00-00-07" }],
        ...(["macAddress", "02-00-00-00-00-07", /held by NIC "eth1" of the same VM/] as const),
    ],
    [
        "two NICs in one subnet",
        [ip("10.0.0.7/24"), { ...ip("10.0.0.8/16"), name: "eth2" }],
        ...(["ipConfig.address", "10.0.0.8/16", /overlaps 10\.0\.0\.0\/24.*held by NIC "eth1"/] as const),
    ],
    [
        "an address on the pod network",
        [{ ...ip("10.0.0.7/24"), type: "pod" }],
        ...(["ipConfig.address", "10.0.0.7/24", /pod NIC.*bridge/] as const),
    ],
];

function ip(address: string, more: Partial<NetworkInterfaceArgs["ipConfig"]> = {}): Nic {
    return { ipConfig: { mode: "static", address, ...more } };
}

describe("a VirtualMachine with a mistake in its NICs", () => {
    for (const [what, nics, field, value, says] of TABLE) {
        it(`is refused before anything is made: ${what}`, async () => {
            const networks = nics.map((nic): NetworkInterfaceArgs => ({ name: "eth1", type: "bridge", ...nic }));
            const { error, registered } = await refusalOf(() => virtualMachine({ networks }));
            // The host prints the message of such an error alone, without a stack trace.
            assert.ok(pulumi.ResourceError.isInstance(error) && error.hideStack);
            assert.match(error.message, /^VirtualMachine web cannot be made as it is declared\. /);
            const place = `NIC "${networks.at(-1)!.name}" of VM "web-vm": ${field} "${value}" is refused: `;
            assert.ok(error.message.includes(place), `${place}\n${error.message}`);
            assert.match(error.message, says);
            assert.match(error.message, /; [^;]+\.$/);
            assert.deepEqual(
                registered.filter(({ custom }) => custom),
                [],
            );
        });
    }

    it("names all mistakes at once", async () => {
        const { error } = await refusalOf(() =>
            virtualMachine({
                networks: [
                    { name: "eth0", type: "bridge", macAddress: "nonsense" },
                    { name: "eth1", type: "bridge", model: "e2000" },
                ],
            }),
        );
        assert.match(error.message, /NIC "eth0".*macAddress "nonsense".*NIC "eth1".*model "e2000"/);
    });
});
