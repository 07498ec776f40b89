import assert from "node:assert/strict";
import * as fc from "fast-check";
import type { ProxyPort } from "../../../core/service-proxy/model";
import { disjoint, frontendsOf } from "../../../core/service-proxy/frontends";
import { groupsOf, type Item } from "../../../core/service-proxy/nftables/port-rules";
import { Ruleset } from "../../../core/service-proxy/nftables/ruleset";
import { changeText } from "../../../core/service-proxy/nftables/transaction";
import { arbitraryState, SUBNETS_OF_ONE_HASH } from "./arbitrary";

function textsOf(items: readonly Item[]): string[] {
    return items.map(({ set, key, value }) => `${set} ${key} ${value}`).sort();
}

/** Services with two endpoints each, as many as asked for. */
function services(count: number): ProxyPort[] {
    return Array.from({ length: count }, (_, number) => {
        const host = `${number >> 8}.${number & 255}`;
        const endpoints = [`10.10.${host}`, `10.11.${host}`].map((address) => ({ address, port: 8080 }));
        return {
            service: `default/s${number}`,
            name: "",
            family: 4,
            protocol: "TCP",
            clusterIP: `10.96.${host}`,
            port: 80,
            externalIPs: [],
            scheduler: "Random",
            masquerade: "Always",
            subnets: ["10.10.0.0/16"],
            internal: { endpoints, whenEmpty: "reject" },
            external: { endpoints, whenEmpty: "reject" },
            externalLocal: false,
        };
    });
}

describe("the elements and chains of nftables", () => {
    it("do not depend on the states before", () => {
        fc.assert(
            fc.property(fc.array(arbitraryState(), { minLength: 1, maxLength: 6 }), (states) => {
                const long = new Ruleset();
                for (const ports of states) {
                    long.update({ ports });
                }
                const short = new Ruleset();
                short.update({ ports: states.at(-1)! });
                for (const family of [4, 6] as const) {
                    assert.deepEqual(textsOf(long.all(family)), textsOf(short.all(family)));
                }
            }),
        );
    });

    it("come to the next state by what is removed and added", () => {
        fc.assert(
            fc.property(arbitraryState(), arbitraryState(), (before, after) => {
                const ruleset = new Ruleset();
                ruleset.update({ ports: before });
                const held = new Map(
                    ([4, 6] as const).map((family) => [family, new Set(textsOf(ruleset.all(family)))] as const),
                );
                for (const { family, removed, added } of ruleset.update({ ports: after })) {
                    const set = held.get(family)!;
                    assert.ok(
                        textsOf(removed).every((text) => set.delete(text)),
                        "only what was there is removed",
                    );
                    assert.ok(
                        textsOf(added).every((text) => !set.has(text) && set.add(text)),
                        "nothing is added twice",
                    );
                }
                for (const family of [4, 6] as const) {
                    assert.deepEqual([...held.get(family)!].sort(), textsOf(ruleset.all(family)));
                }
            }),
        );
    });

    it("change by a handful where one endpoint of ten thousand Services does", () => {
        const ports = services(10_000);
        const ruleset = new Ruleset();
        ruleset.update({ ports });
        const [changed] = ports.splice(5000, 1);
        const endpoints = [{ address: "10.12.0.1", port: 8080 }, changed!.internal.endpoints[1]!];
        ports.splice(5000, 0, { ...changed!, internal: { endpoints, whenEmpty: "reject" } });
        const text = changeText(ruleset.update({ ports }), 7);
        assert.deepEqual(text.split("\n"), [
            "delete element ip wukong endpoints { 10.96.19.136 . tcp . 80 . 0x57000000 }",
            "delete element ip wukong sources { 10.10.19.136 . 8080 }",
            "add element ip wukong endpoints { 10.96.19.136 . tcp . 80 . 0x57000000 : 10.12.0.1 . 8080 }",
            "add element ip wukong sources { 10.12.0.1 . 8080 }",
            "flush set ip wukong transaction",
            "add element ip wukong transaction { 7 }",
            "",
        ]);
    });

    it("forget an endpoint that goes while its port's subnets get another number", () => {
        const [first, second] = SUBNETS_OF_ONE_HASH;
        assert.notEqual(
            groupsOf([`IPv4 ${second[0]}`]).get(`IPv4 ${second[0]}`),
            groupsOf([`IPv4 ${first[0]}`, `IPv4 ${second[0]}`]).get(`IPv4 ${second[0]}`),
            "the two lists of subnets have one hash",
        );
        const [one, other] = services(2);
        const near = { masquerade: "SameSubnet" } as const;
        const before: ProxyPort = { ...other!, ...near, subnets: second };
        const endpoints = [{ address: "10.12.0.1", port: 8080 }];
        const after: ProxyPort = { ...before, internal: { endpoints, whenEmpty: "reject" } };
        const come: ProxyPort = { ...one!, ...near, subnets: first };
        const ruleset = new Ruleset();
        ruleset.update({ ports: [before] });
        ruleset.update({ ports: [come, after] });
        const fresh = new Ruleset();
        fresh.update({ ports: [come, after] });
        assert.deepEqual(textsOf(ruleset.all(4)), textsOf(fresh.all(4)));
        assert.deepEqual(ruleset.itemsOf(before), []);
        ruleset.update({ ports: [] });
        assert.deepEqual(ruleset.all(4), [], "nothing is left");
    });

    it("number lists of subnets apart, as many as there may be, and none of them 0", () => {
        const lists = Array.from({ length: 1023 }, (_, number) => `IPv4 10.0.${number >> 8}.${number & 255}/32`);
        const numbers = [...groupsOf(lists).values()];
        assert.deepEqual(
            numbers.sort((a, b) => a - b),
            Array.from({ length: 1023 }, (_, number) => number + 1),
        );
    });
});

describe("the places where a port is reached", () => {
    it("are each there once", () => {
        const [port] = services(1);
        const places = frontendsOf({
            ...port!,
            externalIPs: ["10.96.0.0", "198.51.100.1"],
            nodePort: 30080,
            hostPort: 30080,
        });
        assert.deepEqual(
            places.map(({ address, port: number, scope }) => `${address ?? "node"}:${number} ${scope}`),
            ["10.96.0.0:80 internal", "198.51.100.1:80 external", "node:30080 external"],
        );
    });

    it("are open to CIDRs of their family that do not lie in each other", () => {
        const cidrs = ["10.1.0.0/16", "10.0.0.0/8", "10.0.0.0/8", "192.0.2.0/24", "fd00::/8", "fd00:1::/32"];
        assert.deepEqual(disjoint(cidrs, 4), ["10.0.0.0/8", "192.0.2.0/24"]);
        assert.deepEqual(disjoint(cidrs, 6), ["fd00::/8"]);
    });
});
