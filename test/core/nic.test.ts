import assert from "node:assert/strict";
import fc from "fast-check";
import { bindingOf, type NicDeclaration, type NicType, primaryOf, resolveNics, validateNics } from "../../core/nic";
import { describe as sentence, errorsOf, warningsOf } from "../../core/problem";

const pod: NicDeclaration = { name: "eth0", type: "pod" };
const lan: NicDeclaration = { name: "eth1", type: "bridge", nadName: "prod/lan" };

function problems(...nics: NicDeclaration[]): string {
    return errorsOf(validateNics("prod/web", nics)).map(sentence).join("\n");
}

function staticNic(name: string, address: string, gateway?: string, defaultRoute?: boolean): NicDeclaration {
    return {
        name,
        type: "bridge",
        nadName: `prod/${name}`,
        ipConfig: {
            mode: "static",
            address,
            ...(gateway === undefined ? {} : { gateway }),
            ...(defaultRoute === undefined ? {} : { defaultRoute }),
        },
    };
}

describe("nic", () => {
    it("accepts a pod and a bridge NIC, and a VM without NICs", () => {
        assert.equal(problems(pod, lan), "");
        assert.equal(problems(), "");
    });

    it("accepts an SR-IOV NIC with its link up, which is written nowhere", () => {
        assert.equal(problems({ ...lan, type: "sriov", linkState: "up" }), "");
    });

    it("binds as KubeVirt needs it", () => {
        const types: NicType[] = ["pod", "bridge", "macvlan", "sriov", "ovs"];
        assert.deepEqual(types.map(bindingOf), ["masquerade", "bridge", "bridge", "sriov", "bridge"]);
    });

    it("takes the NIC that says so for the primary one, else the first", () => {
        assert.equal(primaryOf([pod, lan]), pod);
        assert.equal(primaryOf([pod, { ...lan, primary: true }])?.name, "eth1");
        assert.equal(primaryOf<NicDeclaration>([]), undefined);
    });

    it("fills in MAC, model, binding, link state and namespace", () => {
        const [first, second] = resolveNics("prod", "web-vm", [
            pod,
            { ...lan, nadName: "lan", macAddress: "02-AA-BB-CC-DD-EE" },
        ]);
        assert.deepEqual(
            { ...first, macAddress: "" },
            { name: "eth0", type: "pod", binding: "masquerade", macAddress: "", model: "virtio", linkState: "up" },
        );
        assert.deepEqual(second, {
            name: "eth1",
            type: "bridge",
            binding: "bridge",
            nadName: "prod/lan",
            macAddress: "02:aa:bb:cc:dd:ee",
            model: "virtio",
            linkState: "up",
        });
    });

    it("gives a NIC the same MAC wherever it stands and whatever its siblings are", () => {
        fc.assert(
            fc.property(
                fc.uniqueArray(fc.stringMatching(/^[a-z][a-z0-9]{0,5}$/), { minLength: 1, maxLength: 6 }),
                (names) => {
                    const nics = names.map((name): NicDeclaration => ({ name, type: "bridge", nadName: "prod/lan" }));
                    const there = new Map(resolveNics("prod", "web", nics).map((nic) => [nic.name, nic.macAddress]));
                    const back = resolveNics("prod", "web", [...nics].reverse());
                    assert.ok(back.every((nic) => nic.macAddress === there.get(nic.name)));
                    assert.equal(
                        resolveNics("prod", "web", nics.slice(-1))[0]?.macAddress,
                        there.get(names.at(-1) ?? ""),
                    );
                },
            ),
        );
    });

    it("names VM, NIC, field, value, holder and remedy of a duplicate name", () => {
        assert.equal(
            problems(pod, lan, { ...lan }),
            'NIC "eth1" of VM "prod/web": networks[2].name "eth1" is refused: another NIC of the VM has the same name; ' +
                "it is held by networks[1]; give each NIC a name of its own.",
        );
    });

    const cases: [string, NicDeclaration[], RegExp][] = [
        ["a name that is no DNS label", [{ ...lan, name: "Eth_1" }], /name "Eth_1".*DNS label/],
        ["a name of 64 characters", [{ ...lan, name: "a".repeat(64) }], /at most 63/],
        ["an unknown type", [{ ...lan, type: "vlan" as NicType }], /type "vlan"/],
        [
            "two pod NICs",
            [pod, { name: "eth2", type: "pod" }],
            /NIC "eth2".*one NIC on the pod network.*held by NIC "eth0"/,
        ],
        [
            "two primary NICs",
            [
                { ...pod, primary: true },
                { ...lan, primary: true },
            ],
            /NIC "eth1".*one primary NIC.*NIC "eth0"/,
        ],
        ["a pod NIC with a network", [{ ...pod, nadName: "prod/lan" }], /nadName "prod\/lan"/],
        ["a multicast MAC", [{ ...lan, macAddress: "01:00:5e:00:00:01" }], /macAddress "01:00:5e:00:00:01".*multicast/],
        ["an unknown model", [{ ...lan, model: "rtl" }], /model "rtl".*rtl8139/],
        ["an unknown link state", [{ ...lan, linkState: "absent" as "down" }], /linkState "absent".*up or down/],
        ["a link that is down on SR-IOV", [{ ...lan, type: "sriov", linkState: "down" }], /linkState "down".*SR-IOV/],
        [
            "one MAC in two notations",
            [
                { ...pod, macAddress: "02:00:00:00:00:0a" },
                { ...lan, macAddress: "0200.0000.000A" },
            ],
            /NIC "eth1".*held by NIC "eth0"/,
        ],
        ["a bad address", [staticNic("eth1", "10.0.0.0/24")], /ipConfig.address "10.0.0.0\/24".*network address/],
        [
            "two default routes",
            [staticNic("a", "10.0.0.5/24", "10.0.0.1", true), staticNic("b", "10.1.0.5/24", "10.1.0.1", true)],
            /NIC "b".*one default route.*NIC "a"/,
        ],
        [
            "overlapping subnets",
            [staticNic("a", "10.0.0.5/16"), staticNic("b", "10.0.7.5/24")],
            /NIC "b".*10\.0\.7\.0\/24 overlaps 10\.0\.0\.0\/16.*NIC "a"/,
        ],
    ];
    for (const [what, nics, expected] of cases) {
        it(`refuses ${what}`, () => assert.match(problems(...nics), expected));
    }

    it("says which gateway is not used", () => {
        const warned = (...nics: NicDeclaration[]): string[] =>
            warningsOf(validateNics("web", nics)).map(({ nic = "" }) => nic);
        assert.deepEqual(warned(staticNic("a", "10.0.0.5/24", "10.0.0.1"), staticNic("b", "10.1.0.5/24", "10.1.0.1")), [
            "b",
        ]);
        assert.deepEqual(warned(pod, staticNic("b", "10.1.0.5/24", "10.1.0.1")), ["b"]);
        assert.deepEqual(warned(staticNic("a", "10.0.0.5/24"), staticNic("b", "10.1.0.5/24", "10.1.0.1")), []);
        assert.deepEqual(warned(pod, staticNic("b", "10.1.0.5/24", "10.1.0.1", true)), []);
    });

    it("tells all mistakes at once", () => {
        assert.equal(
            errorsOf(
                validateNics("web", [
                    { ...lan, model: "x", macAddress: "y" },
                    { ...lan, linkState: "z" as "up" },
                ]),
            ).length,
            4,
        );
    });
});
