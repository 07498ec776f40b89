import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import * as k8s from "@kubernetes/client-node";
import { Cluster, IPPool, VirtualMachine } from "../../index";
import { testKubeconfig, type TestUser } from "../support/embedded-cluster";
import { assertSays, refusalOf } from "../support/refusal";
import { TestStack } from "../support/stack";
import { useStack } from "../support/use-stack";

const PASSWORD = "marker-91ce-of-the-user-data";

describe("a kubeconfig and user data that a program hands over", () => {
    const suite = useStack("secrets");
    const { namespace } = suite;

    const program =
        (kubeconfig: string, cpu = 1) =>
        async () => {
            const cluster = new Cluster("edge", { kubeconfig });
            const pool = new IPPool(`pool-${namespace.name}`, { cidr: "10.57.0.0/24", cluster });
            const vm = new VirtualMachine("web", {
                ...{ cluster, namespace: namespace.name, cpu, memory: "64Mi", runStrategy: "Halted" },
                userData: `#cloud-config\npassword: ${PASSWORD}\n`,
                networks: [
                    { name: "eth0", type: "pod", serviceExposure: { ports: [{ port: 80 }] } },
                    { name: "eth1", type: "bridge", ipConfig: { mode: "static", ipPool: pool } },
                ],
            });
            return Promise.resolve({ networks: vm.networks, power: vm.powerState.status });
        };

    /** Asserts that nothing of the secrets is to be seen, as such, in JSON, or in base64. */
    function assertHidden(text: string, user: TestUser, token: string): void {
        for (const secret of [PASSWORD, token]) {
            const forms = [secret, ...[0, 1, 2].map((shift) => inBase64(secret, shift))];
            assert.ok(
                !forms.some((form) => text.includes(form)),
                `${user}: ${secret === token ? "token" : "password"}`,
            );
        }
    }

    it("are in no preview, no update, no output and no state in clear", async () => {
        const { contents, token } = await credentials("admin");
        const preview = await suite.stack.preview(program(contents));
        assertHidden(preview.text + JSON.stringify(preview.steps), "admin", token);

        const up = await suite.stack.up(program(contents));
        assertHidden(up.text + JSON.stringify([up.steps, up.outputs]), "admin", token);
        const secret = await namespace.clients.core.readNamespacedSecret({
            ...{ name: "web-vm-cloud-init", namespace: namespace.name },
        });
        const userdata = Buffer.from(secret.data?.userdata ?? "", "base64").toString();
        assert.ok(userdata.includes(PASSWORD), "the guest gets it");

        const state = await suite.stack.exported();
        assert.ok(state.includes("web-vm-eth1"));
        assertHidden(state, "admin", token);

        const update = await suite.stack.up(program(contents, 2));
        assertHidden(update.text + JSON.stringify([update.steps, await suite.stack.exported()]), "admin", token);
    });

    it("are in no error text, whatever is wrong with the kubeconfig", async () => {
        const reader = await credentials("reader");
        const forbidden = await refusalOf(suite.stack.preview(program(reader.contents)));
        assertSays(forbidden, "may not");
        assertHidden(forbidden, "reader", reader.token);

        const expired = reader.contents.replace(reader.token, "marker-0c77-of-the-token");
        const unauthorized = await refusalOf(suite.stack.preview(program(expired)), ["marker-0c77-of-the-token"]);
        assertSays(unauthorized, "does not accept the kubeconfig's credentials", "Renew them");
        assertHidden(unauthorized, "reader", "marker-0c77-of-the-token");

        const mistyped = `${reader.contents}\n  - {`;
        assertHidden(await refusalOf(suite.stack.preview(program(mistyped))), "reader", reader.token);
        const fresh = await TestStack.create();
        const broken = await refusalOf(fresh.preview(program(mistyped))).finally(() => fresh.dispose());
        assertSays(broken, "The kubeconfig of the Cluster cannot be read. Hand over the whole of a kubeconfig");
        assertHidden(broken, "reader", reader.token);
    });
});

async function credentials(user: TestUser): Promise<{ contents: string; token: string }> {
    const contents = readFileSync(await testKubeconfig(user), "utf8");
    const config = new k8s.KubeConfig();
    config.loadFromString(contents);
    return { contents, token: config.getCurrentUser()!.token! };
}

/** What a secret looks like in base64, after so many bytes before it, without the characters that these bytes touch. */
function inBase64(secret: string, shift: number): string {
    const encoded = Buffer.from("x".repeat(shift) + secret)
        .toString("base64")
        .replace(/=+$/, "");
    return encoded.slice(shift === 0 ? 0 : shift + 1, -2);
}
