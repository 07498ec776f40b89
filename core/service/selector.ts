import { parsed, refused, type Parsed } from "../problem";

/** Label of a VM's instance and pods with the VM's name. */
export const VM_LABEL = "kubevirt.io/vm";

/** A VM behind a Service. */
export interface LabelledVm {
    readonly name: string;
    /** Labels of its instance and pods that are known as the program runs. */
    readonly labels: Readonly<Record<string, string>>;
}

/**
 * The labels by which a Service finds these VMs: that with its name for one VM; all that they share for several. A
 * selector is an AND of equalities, so there is none for "one of these names".
 */
export function selectorOf(vms: readonly LabelledVm[]): Parsed<Readonly<Record<string, string>>> {
    const [first, ...others] = vms;
    if (!first) {
        return refused("a Service has VMs behind it", "name at least one");
    }
    if (others.length === 0 && first.labels[VM_LABEL] !== undefined) {
        return parsed({ [VM_LABEL]: first.labels[VM_LABEL] });
    }
    const shared = Object.entries(first.labels).filter(([key, value]) =>
        others.every(({ labels }) => labels[key] === value),
    );
    if (shared.length > 0) {
        return parsed(Object.fromEntries(shared.sort(([a], [b]) => (a < b ? -1 : 1))));
    }
    const names = vms.map(({ name }) => name).join(", ");
    return others.length === 0
        ? refused(
              `the template of VM ${names} has no label by which its pods are found`,
              `add the label ${VM_LABEL}: ${first.name} to template.metadata.labels`,
          )
        : refused(
              `a Service finds VMs by labels that all of them have, and ${names} have none in common`,
              'give each of them the same label, such as labels: { tier: "web" }, and no other VM of the namespace',
          );
}

/** Whether labels are those that a selector asks for. */
export function matches(
    selector: Readonly<Record<string, string>>,
    labels: Readonly<Record<string, string>> | undefined,
): boolean {
    return Object.entries(selector).every(([key, value]) => labels?.[key] === value);
}

/** A selector as Kubernetes has it (meta/v1 LabelSelector). */
export interface LabelSelector {
    readonly matchLabels?: Readonly<Record<string, string>>;
    readonly matchExpressions?: readonly {
        readonly key: string;
        readonly operator: string;
        readonly values?: readonly string[];
    }[];
}

/** Whether labels are those that a selector asks for; an empty one asks for none. */
export function matchesSelector(
    { matchLabels = {}, matchExpressions = [] }: LabelSelector,
    labels: Readonly<Record<string, string>>,
): boolean {
    return (
        matches(matchLabels, labels) &&
        matchExpressions.every(({ key, operator, values = [] }) => {
            const value = labels[key];
            switch (operator) {
                case "In":
                    return value !== undefined && values.includes(value);
                case "NotIn":
                    return value === undefined || !values.includes(value);
                case "Exists":
                    return value !== undefined;
                default:
                    return value === undefined;
            }
        })
    );
}
