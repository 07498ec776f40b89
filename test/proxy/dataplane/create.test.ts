import assert from "node:assert/strict";
import * as path from "node:path";
import { leaveOut, namespaceObstacle, programObstacle } from "../../cni/obstacle";
import { allRules } from "./kernel-rules";
import { Lab } from "./lab";
import { KUBE_PROXY_RULES } from "./others";
import { proxyPort } from "./ports";

describe("the start of a dataplane", function () {
    this.timeout(60_000);
    let lab: Lab;

    before(async function () {
        const obstacle = (await namespaceObstacle()) ?? (await programObstacle("nft", "iptables", "conntrack"));
        if (obstacle !== undefined) {
            leaveOut(this, obstacle);
        }
        lab = await Lab.create();
    });

    after(async () => lab.dispose());

    it("refuses chains named KUBE beside a kube-proxy, not beside its own", async () => {
        await lab.request("node", { do: "dataplane", mode: "iptables-nft", prefix: "KUBE" });
        await lab.apply();
        await lab.request("node", { do: "dataplane", mode: "iptables-nft", prefix: "KUBE" });
        await lab.remove();
        await lab.feed("node", KUBE_PROXY_RULES["iptables-nft-restore"]!, "iptables-nft-restore");
        await assert.rejects(lab.request("node", { do: "dataplane", mode: "iptables-nft", prefix: "KUBE" }), {
            message:
                'The prefix "KUBE" of the chains is refused: a kube-proxy has its chains here (KUBE-MARK-MASQ in the table ' +
                "nat), and removes those of others that are named so. Leave the prefix out.",
        });
    });

    it("refuses a prefix that somebody else's chains have", async () => {
        await lab.run("node", "ip6tables-nft", "-t", "filter", "-N", "DOCKER-USER");
        await assert.rejects(lab.request("node", { do: "dataplane", mode: "iptables-nft", prefix: "DOCKER" }), {
            message:
                'The prefix "DOCKER" of the chains is refused: somebody else has chains of it here (DOCKER-USER in the ' +
                "table filter). Leave the prefix out, or take another.",
        });
        await lab.resetRules();
    });

    it("refuses a prefix that makes no name", async () => {
        await assert.rejects(lab.request("node", { do: "dataplane", mode: "iptables-nft", prefix: "wukong; reboot" }), {
            message:
                'The prefix "wukong; reboot" of the chains is refused: with it, a name has to stay within the 28 characters ' +
                "of the kernel. Take one to seven capitals and digits.",
        });
    });

    it("is chosen on the command line, by which the rules of each are also removed", async () => {
        const main = path.join(__dirname, "../../../proxy/main.js");
        const flavour = (await lab.run("node", "iptables", "--version")).includes("nf_tables") ? "nft" : "legacy";
        await lab.resetRules();
        for (const [mode, options] of [
            ["nftables", []],
            [`iptables-${flavour}`, ["--mode", "iptables", "--chain-prefix", "WUKONG"]],
        ] as const) {
            await lab.request("node", { do: "dataplane", mode });
            await lab.apply(proxyPort("a"));
            assert.match(await allRules(lab), /wukong|WUKONG/);
            await lab.run("node", process.execPath, main, "cleanup", ...options);
            assert.doesNotMatch(await allRules(lab), /wukong|WUKONG/);
        }
    });

    for (const [mode, program] of [
        ["nftables", "nft"],
        ["nftables", "conntrack"],
        ["iptables-legacy", "conntrack"],
        ["iptables-legacy", "iptables-legacy"],
    ] as const) {
        it(`says that ${program} is missing, and where it is found (${mode})`, async () => {
            const made = lab.request("node", { do: "dataplane", mode, without: program });
            await assert.rejects(
                made,
                /^Error: There is no `\S+` on the PATH, without which the node agent cannot serve: install the package \S+/,
            );
        });
    }
});
