import type { Problem } from "../problem";

export type PortProtocol = "TCP" | "UDP";

/** A port, or ports one after the other, as a program declares them: 80, or `8000-8010`. */
export interface PortSpec {
    readonly name?: string;
    readonly protocol?: PortProtocol;
    readonly port: number | string;
    readonly targetPort?: number | string;
    readonly nodePort?: number | string;
    readonly hostPort?: number | string;
}

/** One port of a Service, with everything decided. */
export interface ServicePort {
    readonly name?: string;
    readonly protocol: PortProtocol;
    readonly port: number;
    readonly targetPort: number;
    readonly nodePort?: number;
    readonly hostPort?: number;
}

/** The ports of a Service, and what is wrong with their declarations. */
export interface ExpandedPorts {
    readonly ports: readonly ServicePort[];
    readonly problems: readonly Problem[];
}

/** A range is an entry for each port in the Service, and rules on every node. */
const RANGE_MAX = 1000;

/** Name of a port in a Service (IsDNS1123Label of Kubernetes). */
const PORT_NAME = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

const NUMBERS = ["port", "targetPort", "nodePort", "hostPort"] as const;
type NumberField = (typeof NUMBERS)[number];

/** The first and the last NodePort of a cluster. */
export type NodePortRange = readonly [number, number];

/** That of an API server which is not told another one by `--service-node-port-range`. */
export const DEFAULT_NODE_PORTS: NodePortRange = [30_000, 32_767];

/** A range as `30000-32767`. */
export function parseNodePortRange(text: string): NodePortRange | undefined {
    const numbers = numbersOf(text);
    const [first, last] = [numbers?.[0], numbers?.at(-1)];
    return first === undefined || last === undefined ? undefined : [first, last];
}

/** The ports one by one: a range `8000-8010` called `web` becomes `web-8000` to `web-8010`. */
export function expandPorts(specs: readonly PortSpec[]): ExpandedPorts {
    if (specs.length === 0) {
        const rule = "a Service has at least one port";
        return { ports: [], problems: [{ field: "ports", value: "[]", rule, remedy: "add a port" }] };
    }
    const expanded = specs.map((spec, index) => expandPort(spec, `ports[${String(index)}]`));
    const count = expanded.reduce((sum, { ports }) => sum + ports.length, 0);
    const unnamed = specs.flatMap(({ name }, index) =>
        count > 1 && name === undefined
            ? [
                  {
                      field: `ports[${String(index)}].name`,
                      rule: "each of several ports has a name",
                      remedy: "name it",
                  },
              ]
            : [],
    );
    return {
        ports: expanded.flatMap(({ ports }) => ports),
        problems: [...expanded.flatMap(({ problems }) => problems), ...unnamed, ...repeated(expanded)],
    };
}

function expandPort(spec: PortSpec, place: string): ExpandedPorts {
    const problems: Problem[] = [];
    const protocol: string | undefined = spec.protocol;
    if (protocol !== undefined && protocol !== "TCP" && protocol !== "UDP") {
        problems.push({
            field: `${place}.protocol`,
            value: protocol,
            rule: "KubeVirt forwards TCP and UDP to a VM",
            remedy: "write one of the two",
        });
    }
    if (spec.name !== undefined && !PORT_NAME.test(spec.name)) {
        problems.push({
            field: `${place}.name`,
            value: spec.name,
            rule: "the name of a port is a DNS label (RFC 1123): lower-case letters, digits and -, at most 63 characters",
            remedy: "choose a name such as http",
        });
    }
    const read = Object.fromEntries(NUMBERS.map((field) => [field, numbersOf(spec[field])]));
    const at = (field: NumberField): readonly number[] | undefined => read[field];
    for (const field of NUMBERS) {
        const value = spec[field];
        if (value !== undefined && at(field) === undefined) {
            problems.push({
                field: `${place}.${field}`,
                value,
                rule: "a port is a whole number from 1 to 65535, and a range is two of them, the lower first",
                remedy: "write it as 80, or as 8000-8010",
            });
        }
    }
    const ports = at("port") ?? [];
    if (ports.length > RANGE_MAX) {
        problems.push({
            field: `${place}.port`,
            value: spec.port,
            rule: `a range has at most ${String(RANGE_MAX)} ports, as each is an entry of its own in the Service`,
            remedy: "choose a smaller range",
        });
    }
    for (const field of NUMBERS) {
        const length = at(field)?.length ?? ports.length;
        if (length !== ports.length) {
            problems.push({
                field: `${place}.${field}`,
                value: spec[field],
                rule: `${String(ports.length)} and ${String(length)} ports do not lead to each other one by one`,
                remedy: `give it as many as port has (${String(spec.port)})`,
            });
        }
    }
    return { problems, ports: problems.length > 0 ? [] : ports.map((port, index) => entry(spec, port, index, at)) };
}

function entry(
    { name, protocol, port: declared }: PortSpec,
    port: number,
    index: number,
    at: (field: NumberField) => readonly number[] | undefined,
): ServicePort {
    const nodePort = at("nodePort")?.[index];
    const hostPort = at("hostPort")?.[index];
    return {
        ...(name !== undefined && { name: isRange(declared) ? `${name}-${String(port)}` : name }),
        protocol: protocol ?? "TCP",
        port,
        targetPort: at("targetPort")?.[index] ?? port,
        ...(nodePort !== undefined && { nodePort }),
        ...(hostPort !== undefined && { hostPort }),
    };
}

function isRange(value: number | string): boolean {
    return typeof value === "string" && value.includes("-");
}

function numbersOf(value: number | string | undefined): readonly number[] | undefined {
    const [, from = "", to = from] = /^(\d+)(?:-(\d+))?$/.exec(String(value ?? "")) ?? [];
    const [first, last] = [Number(from), Number(to)];
    if (from === "" || first < 1 || last > 65_535 || first > last) {
        return undefined;
    }
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

/** Names, and pairs of protocol and number, are unique in a Service. */
function repeated(expanded: readonly ExpandedPorts[]): Problem[] {
    const problems: Problem[] = [];
    const seen = new Set<string>();
    expanded.forEach(({ ports }, index) => {
        for (const port of ports) {
            const numbered = (number: number | undefined): string | undefined =>
                number === undefined ? undefined : `${port.protocol} ${String(number)}`;
            const keys = [
                { field: "name", what: "name", value: port.name },
                { field: "port", what: "port", value: numbered(port.port) },
                { field: "nodePort", what: "port of the nodes", value: numbered(port.nodePort) },
                { field: "hostPort", what: "port of the nodes", value: numbered(port.hostPort) },
            ];
            for (const { field, what, value } of keys.filter((key) => key.value !== undefined)) {
                if (seen.has(`${what} ${value ?? ""}`)) {
                    problems.push({
                        field: `ports[${String(index)}].${field}`,
                        value: value ?? "",
                        rule: `a Service has each ${what} once`,
                        remedy: "choose another, or drop the repetition",
                    });
                }
                seen.add(`${what} ${value ?? ""}`);
            }
        }
    });
    return problems;
}
