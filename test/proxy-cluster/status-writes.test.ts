import assert from "node:assert/strict";
import { once } from "node:events";
import * as http from "node:http";
import { text } from "node:stream/consumers";
import * as k8s from "@kubernetes/client-node";
import { ClusterClient } from "../../cluster/client";
import { loadKubeConfig } from "../../cluster/connection";
import type { StatusServer } from "../../proxy/status/server";
import { orUndefined, testKubeconfig, useNamespace } from "../support/embedded-cluster";
import { serve, sourceOf } from "./status-source";

const JSON_TYPE = "application/json";
const YAML_TYPE = "application/yaml";

/** An answer, with its body as it is where that is no JSON. */
interface Answer {
    readonly status: number;
    readonly body: { error?: string; field?: string; metadata?: k8s.V1ObjectMeta; spec?: k8s.V1ServiceSpec };
}

describe("changes of Services by the status API", () => {
    const namespace = useNamespace("status");
    let server: StatusServer;
    let editor: string;
    let stranger: string;

    before(async () => {
        // What the API itself may do is everything, and must not show.
        const client = new ClusterClient(loadKubeConfig({ kubeconfig: await testKubeconfig() }));
        server = await serve(client, sourceOf());
        const rbac = namespace.clients.config.makeApiClient(k8s.RbacAuthorizationV1Api);
        await rbac.createNamespacedRole({
            namespace: namespace.name,
            body: {
                metadata: { name: "editor" },
                rules: [{ apiGroups: [""], resources: ["services"], verbs: ["create", "update", "delete"] }],
            },
        });
        await rbac.createNamespacedRoleBinding({
            namespace: namespace.name,
            body: {
                metadata: { name: "editor" },
                roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "editor" },
                subjects: [{ kind: "ServiceAccount", name: "editor", namespace: namespace.name }],
            },
        });
        editor = await tokenOf("editor");
        stranger = await tokenOf("stranger");
    });

    after(async () => server.close());

    async function tokenOf(name: string): Promise<string> {
        const { core } = namespace.clients;
        await core.createNamespacedServiceAccount({ namespace: namespace.name, body: { metadata: { name } } });
        const { status } = await core.createNamespacedServiceAccountToken({
            ...{ name, namespace: namespace.name },
            body: { spec: { audiences: [], expirationSeconds: 600 } },
        });
        return status?.token ?? "";
    }

    async function send(
        method: string,
        path: string,
        { token, type = JSON_TYPE, body }: { token?: string; type?: string; body?: unknown },
    ): Promise<Answer> {
        const response = await fetch(`${server.url}/api/v1/services${path}`, {
            method,
            headers: {
                ...(token !== undefined && { authorization: `Bearer ${token}` }),
                ...(body !== undefined && { "content-type": type }),
            },
            ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
        });
        const answered = await response.text();
        return { status: response.status, body: answered === "" ? {} : JSON.parse(answered) };
    }

    const manifest = (name: string, more: object = {}) => ({
        ...{ apiVersion: "v1", kind: "Service", metadata: { name, namespace: namespace.name } },
        ...{ spec: { ports: [{ port: 80 }] }, ...more },
    });
    const found = async (name: string): Promise<k8s.V1Service | undefined> =>
        orUndefined(namespace.clients.core.readNamespacedService({ name, namespace: namespace.name }));
    const at = (name: string): string => `/${namespace.name}/${name}`;

    it("creates, replaces and deletes a Service with the rights of the caller", async () => {
        const created = await send("POST", "", { token: editor, body: manifest("web") });
        assert.equal(created.status, 201);
        assert.equal(created.body.metadata?.uid, (await found("web"))?.metadata?.uid);
        const spec = { ports: [{ port: 81 }] };
        const replaced = await send("PUT", at("web"), { token: editor, body: manifest("web", { spec }) });
        assert.equal(replaced.status, 200);
        const after = await found("web");
        assert.deepEqual([after?.spec?.ports?.[0]?.port, after?.spec?.clusterIP], [81, created.body.spec?.clusterIP]);
        assert.equal((await send("DELETE", at("web"), { token: editor })).status, 204);
        assert.equal(await found("web"), undefined);
    });

    it("takes YAML, with all that a manifest may hold", async () => {
        const body = [
            "# a comment",
            "apiVersion: v1",
            "kind: Service",
            `metadata: { name: yaml, namespace: ${namespace.name}, annotations: { vm.novasphere.dev/network: "prod/lan" } }`,
            "spec:",
            "  ports: [{ port: 80, targetPort: http }]",
        ].join("\n");
        assert.equal((await send("POST", "", { token: editor, type: YAML_TYPE, body })).status, 201);
        const service = await found("yaml");
        assert.ok(service);
        assert.equal(service.metadata?.annotations?.["vm.novasphere.dev/network"], "prod/lan");
        assert.equal(service.spec?.ports?.[0]?.targetPort, "http");
    });

    it("does nothing without a token, whatever the body, and nothing with one that the cluster does not know", async () => {
        for (const [method, path] of [
            ["POST", ""],
            ["PUT", at("none")],
            ["DELETE", at("none")],
        ] as const) {
            const body = method === "DELETE" ? undefined : manifest("none");
            const without = await send(method, path, { body });
            assert.equal(without.status, 401);
            assert.match(without.body.error ?? "", /^A change of a Service is made with the rights of who asks for it/);
            const { status } = await send(method, path, { body, token: "unknown" });
            assert.equal(status, 401);
        }
        assert.equal((await send("POST", "", { body: "{" })).status, 401);
        assert.equal(await found("none"), undefined);
    });

    it("never lends its own rights: what the caller may not do is refused in the API server's words", async () => {
        const { status, body } = await send("POST", "", { token: stranger, body: manifest("stolen") });
        assert.equal(status, 403);
        assert.match(
            body.error ?? "",
            /^services is forbidden: User "system:serviceaccount:.*:stranger" cannot create/,
        );
        assert.equal(await found("stolen"), undefined);
    });

    it("hands on what the API server refuses, with its status and the field", async () => {
        const bad = await send("POST", "", {
            token: editor,
            body: manifest("bad", { spec: { ports: [{ port: 0 }] } }),
        });
        assert.deepEqual([bad.status, bad.body.field], [422, "spec.ports[0].port"]);
        assert.match(bad.body.error ?? "", /^Service "bad" is invalid: \[spec\.ports\[0\]\.port: Invalid value: 0/);
        await send("POST", "", { token: editor, body: manifest("twice") });
        assert.equal((await send("POST", "", { token: editor, body: manifest("twice") })).status, 409);
        assert.equal((await send("DELETE", at("nobody"), { token: editor })).status, 404);
    });

    for (const [what, body, field, said] of [
        ["another kind", { kind: "Pod" }, "kind", /^kind must be equal to constant "Service"\.$/],
        ["another version", { apiVersion: "v2" }, "apiVersion", /^apiVersion must be equal to constant "v1"\.$/],
        ["no name", { metadata: {} }, "metadata.name", /^metadata\.name is required\.$/],
        ["a number for a name", { metadata: { name: 5 } }, "metadata.name", /^metadata\.name must be string\.$/],
        ["a path for a name", { metadata: { name: "../pods" } }, "metadata.name", /must match pattern/],
        ["no spec", { spec: undefined }, "spec", /^spec is required\.$/],
    ] as const) {
        it(`refuses ${what}, with the field`, async () => {
            const { status, body: answer } = await send("POST", "", { token: editor, body: manifest("odd", body) });
            assert.deepEqual([status, answer.field], [400, field]);
            assert.match(answer.error ?? "", said);
        });
    }

    it("refuses a name or namespace that is not that of the path", async () => {
        const { status, body } = await send("PUT", at("one"), { token: editor, body: manifest("two") });
        assert.deepEqual([status, body.field], [400, "metadata.name"]);
        const elsewhere = await send("PUT", "/default/one", { token: editor, body: manifest("one") });
        assert.deepEqual([elsewhere.status, elsewhere.body.field], [400, "metadata.namespace"]);
    });

    for (const path of ["/.", "/..", "/%2e%2e", "/a%2f..%2fb", "/Web", "/1web", `/${"a".repeat(64)}`]) {
        it(`refuses the path ${path}, which is no Service's`, async () => {
            // An HTTP client that leaves the path as it is.
            const request = http.request(`${server.url}/`, {
                method: "DELETE",
                path: `/api/v1/services/${namespace.name}${path}`,
                headers: { authorization: `Bearer ${editor}` },
            });
            const [response] = (await once(request.end(), "response")) as [http.IncomingMessage];
            assert.equal(response.statusCode, 400);
            const answer = JSON.parse(await text(response)) as Answer["body"];
            assert.match(answer.error ?? "", /^name must /);
        });
    }

    const bomb = [
        "a: &a [x,x,x,x,x,x,x,x,x,x]",
        ..."bcdefgh".split("").map((key, index) => {
            const previous = "abcdefgh"[index];
            return `${key}: &${key} [${Array.from({ length: 10 }, () => `*${previous}`).join()}]`;
        }),
    ].join("\n");
    for (const [what, type, body, code, said] of [
        ["broken JSON", JSON_TYPE, "{", 400, /JSON/],
        ["broken YAML", YAML_TYPE, "a: [", 400, /^The body is no YAML: .* at line 1, column \d+\.$/],
        ["a key twice", YAML_TYPE, "kind: Service\nkind: Service\n", 400, /unique at line 2/],
        ["two documents", YAML_TYPE, "a: 1\n---\na: 2\n", 400, /^The body holds 2 documents/],
        ["no document", YAML_TYPE, "", 400, /./],
        ["a list", YAML_TYPE, "- a\n", 400, /^The body is no object/],
        ["a bomb of aliases", YAML_TYPE, bomb, 400, /^The body cannot be read: Excessive alias count/],
        ["another type", "text/html", "<p>", 415, /./],
        ["a body that is too large", JSON_TYPE, JSON.stringify({ a: "x".repeat(256 * 1024) }), 413, /./],
    ] as const) {
        it(`refuses ${what}`, async () => {
            const { status, body: answer } = await send("POST", "", { token: editor, type, body });
            assert.equal(status, code);
            assert.match(answer.error ?? "", said);
            assert.doesNotMatch(JSON.stringify(answer), /node_modules|at .*\.js/);
        });
    }
});
