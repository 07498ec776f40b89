import Type from "typebox";
import { isMap, LineCounter, parseAllDocuments } from "yaml";
import { Refusal } from "./refusal";

/**
 * The largest manifest that is read, in bytes: ample for a Service, and little enough for a YAML parser, which holds each key
 * against all before it in the process that keeps the node's rules.
 */
export const MANIFEST_LIMIT = 32 * 1024;

/** Names of namespaces and Services are DNS labels (RFC 1123), a Service's begins with a letter (RFC 1035). */
const Namespace = Type.String({ minLength: 1, maxLength: 63, pattern: "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$" });
const Name = Type.String({ minLength: 1, maxLength: 63, pattern: "^[a-z]([-a-z0-9]*[a-z0-9])?$" });

/** A Service in a path. What is no name, such as `..`, would lead elsewhere in the API server's own paths. */
export const ServicePath = Type.Object({ namespace: Namespace, name: Name });
export type ServicePath = Type.Static<typeof ServicePath>;

/** What of a Service manifest is looked at here; the API server looks at the rest. */
export const ServiceManifest = Type.Object({
    apiVersion: Type.Literal("v1"),
    kind: Type.Literal("Service"),
    metadata: Type.Object({ name: Name, namespace: Type.Optional(Namespace) }),
    spec: Type.Object({}),
});
export type ServiceManifest = Type.Static<typeof ServiceManifest>;

/** The one document of a YAML text. @throws Refusal */
export function parseYaml(text: string): unknown {
    const lines = new LineCounter();
    const documents = parseAllDocuments(text, { lineCounter: lines, version: "1.2", uniqueKeys: true });
    const [document, ...others] = Array.isArray(documents) ? documents : [];
    if (document === undefined || others.length > 0) {
        throw new Refusal(
            400,
            `The body holds ${others.length === 0 ? "no document" : `${others.length + 1} documents`}; send one Service at a time.`,
        );
    }
    const [error] = document.errors;
    if (error !== undefined) {
        const { line, col } = lines.linePos(error.pos[0]);
        const [what = ""] = error.message.split(/ at line |\n/);
        throw new Refusal(400, `The body is no YAML: ${what} at line ${line}, column ${col}.`);
    }
    if (!isMap(document.contents)) {
        throw new Refusal(400, "The body is no object; send a manifest of kind Service.");
    }
    try {
        return document.toJS({ maxAliasCount: 100 });
    } catch (cause) {
        throw new Refusal(400, `The body cannot be read: ${cause instanceof Error ? cause.message : String(cause)}.`);
    }
}

/** A rule that a member of the body breaks, as AJV tells it. */
export interface Violation {
    readonly instancePath: string;
    readonly message?: string | undefined;
    readonly params: Readonly<Record<string, unknown>>;
}

/** The violation in a sentence, with the field as it is written in a manifest. */
export function violationError({ instancePath, message = "is not valid", params }: Violation): Refusal {
    const missing = typeof params["missingProperty"] === "string" ? [params["missingProperty"]] : [];
    const parts = [...instancePath.split("/").filter((part) => part !== ""), ...missing];
    const field = parts.map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~")).join(".");
    const allowed = "allowedValue" in params ? ` ${JSON.stringify(params["allowedValue"])}` : "";
    const rule = missing.length > 0 ? "is required" : `${message}${allowed}`;
    return new Refusal(
        400,
        field === "" ? `The body ${rule}; send a manifest of kind Service.` : `${field} ${rule}.`,
        field === "" ? undefined : field,
    );
}
