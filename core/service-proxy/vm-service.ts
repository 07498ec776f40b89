import { qualifiedNad } from "../nic";
import { describe, type Problem } from "../problem";
import { SERVICE_ANNOTATION } from "./names";
import type { ServiceObject } from "./objects";

/** Which VMs are behind a Service, and on which network. */
export interface VmTarget {
    /** `namespace/name` of the NetworkAttachmentDefinition. */
    readonly network: string;
    /** Labels of the VMs' instances; at least one. */
    readonly labels: Readonly<Record<string, string>>;
}

/** A label's name behind its prefix, and its value (Kubernetes, "Labels and Selectors"). */
const NAME = /^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
/** A DNS subdomain (RFC 1123). */
const PREFIX = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

/** Whether the endpoints of a Service are ours to keep: it says so by one of the two annotations. */
export function isVmService({ metadata: { annotations = {} } }: ServiceObject): boolean {
    return SERVICE_ANNOTATION.network in annotations || SERVICE_ANNOTATION.selector in annotations;
}

/**
 * The VMs behind a Service for which `isVmService` holds.
 * @returns as sentences, why no VM is chosen; then there is no target
 */
export function targetOf(service: ServiceObject): { target?: VmTarget; problems: string[] } {
    const { name, namespace = "", annotations = {} } = service.metadata;
    const subject = `Service ${namespace}/${name}`;
    const problems: Problem[] = [];
    const network = annotations[SERVICE_ANNOTATION.network] ?? "";
    const at = (key: keyof typeof SERVICE_ANNOTATION): Pick<Problem, "subject" | "field"> => ({
        subject,
        field: `metadata.annotations["${SERVICE_ANNOTATION[key]}"]`,
    });
    if (!/^([^/]+\/)?[^/]+$/.test(network)) {
        problems.push({
            ...at("network"),
            value: network,
            rule: "it names the NetworkAttachmentDefinition on which the VMs are reached",
            remedy: "write it as prod/lan",
        });
    }
    const labels = labelsOf(annotations[SERVICE_ANNOTATION.selector] ?? "");
    if (labels === undefined) {
        problems.push({
            ...at("selector"),
            value: annotations[SERVICE_ANNOTATION.selector] ?? "",
            rule: "it is a list of labels of the VMs' instances, at least one, each key once",
            remedy: "write it as app=web,tier=front",
        });
    }
    if (Object.keys(service.spec?.selector ?? {}).length > 0) {
        problems.push({
            subject,
            field: "spec.selector",
            rule: "Kubernetes gives a Service with a selector endpoints of its own, on the pod network",
            remedy: `leave the selector out; the VMs are chosen by ${SERVICE_ANNOTATION.selector}`,
        });
    }
    if (service.spec?.type === "ExternalName") {
        problems.push({
            subject,
            field: "spec.type",
            value: "ExternalName",
            rule: "a Service of this type is a DNS name and has no endpoints",
            remedy: "choose another type",
        });
    }
    return problems.length === 0 && labels !== undefined
        ? { target: { network: qualifiedNad(namespace, network), labels }, problems: [] }
        : { problems: problems.map(describe) };
}

/** The labels of a selector such as `app=web,tier=front`; undefined where it is none, or would choose everything. */
function labelsOf(text: string): Record<string, string> | undefined {
    const labels: Record<string, string> = {};
    for (const part of text.split(",")) {
        const match = /^\s*(?:([^/=\s]+)\/)?([^/=\s]+)=([^=\s]*)\s*$/.exec(part);
        const [, prefix, name = "", value = ""] = match ?? [];
        const key = prefix === undefined ? name : `${prefix}/${name}`;
        const isValid =
            match !== null &&
            (prefix === undefined || (prefix.length <= 253 && PREFIX.test(prefix))) &&
            NAME.test(name) &&
            (value === "" || NAME.test(value));
        if (!isValid || Object.hasOwn(labels, key)) {
            return undefined;
        }
        labels[key] = value;
    }
    return labels;
}
