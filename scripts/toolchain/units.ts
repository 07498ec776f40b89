import { createHash } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import * as path from "node:path";
import { REPOSITORY } from "../paths";

/** A program that the scripts or the tests start. */
export type ProgramName =
    | "pulumi"
    | "etcd"
    | "kube-apiserver"
    | "kube-controller-manager"
    | "virt-api"
    | "virt-controller"
    | "node-side"
    | "virt-api-1.9"
    | "virt-controller-1.9"
    | "node-side-1.9"
    | "kube-proxy"
    | CniProgramName;

/** The CNI plugins that networks are rendered for and that are Go modules, and the tool that calls them. */
export type CniProgramName = "cnitool" | "bridge" | "macvlan";

/** One Go program. */
export interface GoProgram {
    /** Name of the file that is built. */
    name: string;
    /** Folder of the Go module whose go.mod and go.sum pin it, from the root of the repository. */
    module: string;
    /** Import path of the main package, or its folder in the module. */
    package: string;
    /** What else the linker is told, beside leaving out the debug information: the Go variables to set. */
    variables?: Record<string, string>;
}

/** What is built, cached and replaced together. */
export interface Unit {
    name: string;
    programs: GoProgram[];
    /** Shell scripts that lie beside the programs, by name. */
    shellScripts?: Record<string, string>;
    /** The folders of the modules whose sources in this repository belong to the key. */
    ownSources?: string[];
    /** How long the first build takes on two cores, with nothing in Go's caches. */
    minutes: number;
}

const PULUMI = "scripts/toolchain/pulumi";
const KUBERNETES = "scripts/toolchain/kubernetes";
const CNI = "scripts/toolchain/cni";
const EMBEDDED_CLUSTER = "scripts/embedded-cluster";
const KUBEVIRT_1_9 = "scripts/kubevirt-1.9";
const STAND_INS = `${KUBEVIRT_1_9}/stand-ins`;

/**
 * Serves `pulumi-nodejs:dynamic:Resource`. The provider's code belongs to the SDK that the program at hand has installed,
 * so it is looked up from the working directory, in which the engine starts it.
 */
const DYNAMIC_PROVIDER = `#!/bin/sh
provider=$(node -p 'require.resolve("@pulumi/pulumi/cmd/dynamic-provider")') && exec node "$provider" "$@"
`;

/** The units, with the versions that the go.mod files pin. */
export function units(): Unit[] {
    const kubernetes = pinnedVersion(KUBERNETES, "k8s.io/kubernetes");
    const [major = "", minor = ""] = kubernetes.slice(1).split(".");
    // A server without these cannot tell its version, and clients refuse to talk to it.
    const variables = {
        "k8s.io/component-base/version.gitVersion": kubernetes,
        "k8s.io/component-base/version.gitMajor": major,
        "k8s.io/component-base/version.gitMinor": minor,
    };
    return [
        {
            name: "pulumi",
            minutes: 5,
            programs: [
                {
                    name: "pulumi-language-nodejs",
                    module: "scripts/toolchain/language-nodejs",
                    package: "github.com/pulumi/pulumi/sdk/v3/nodejs/cmd/pulumi-language-nodejs",
                },
                {
                    name: "pulumi",
                    module: PULUMI,
                    package: "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
                    variables: {
                        "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version": pinnedVersion(
                            PULUMI,
                            "github.com/pulumi/pulumi/pkg/v3",
                        ),
                    },
                },
            ],
            shellScripts: { "pulumi-resource-pulumi-nodejs": DYNAMIC_PROVIDER },
        },
        {
            name: "control-plane",
            minutes: 5,
            programs: [
                { name: "etcd", module: KUBERNETES, package: "go.etcd.io/etcd/server/v3" },
                {
                    name: "kube-apiserver",
                    module: KUBERNETES,
                    package: "k8s.io/kubernetes/cmd/kube-apiserver",
                    variables,
                },
                {
                    name: "kube-controller-manager",
                    module: KUBERNETES,
                    package: "k8s.io/kubernetes/cmd/kube-controller-manager",
                    variables,
                },
            ],
        },
        {
            name: "kube-proxy",
            minutes: 2,
            programs: [
                { name: "kube-proxy", module: KUBERNETES, package: "k8s.io/kubernetes/cmd/kube-proxy", variables },
            ],
        },
        {
            name: "kubevirt",
            minutes: 4,
            programs: [
                { name: "virt-api", module: EMBEDDED_CLUSTER, package: "kubevirt.io/kubevirt/cmd/virt-api" },
                {
                    name: "virt-controller",
                    module: EMBEDDED_CLUSTER,
                    package: "kubevirt.io/kubevirt/cmd/virt-controller",
                },
            ],
        },
        {
            name: "node-side",
            minutes: 1,
            ownSources: [EMBEDDED_CLUSTER],
            programs: [{ name: "node-side", module: EMBEDDED_CLUSTER, package: "./node-side" }],
        },
        {
            name: "cni",
            minutes: 1,
            programs: [
                { name: "cnitool", module: CNI, package: "github.com/containernetworking/cni/cnitool" },
                {
                    name: "bridge",
                    module: CNI,
                    package: "github.com/containernetworking/plugins/plugins/main/bridge",
                },
                {
                    name: "macvlan",
                    module: CNI,
                    package: "github.com/containernetworking/plugins/plugins/main/macvlan",
                },
            ],
        },
        {
            name: "kubevirt-1.9",
            minutes: 6,
            ownSources: [STAND_INS],
            programs: [
                { name: "virt-api-1.9", module: KUBEVIRT_1_9, package: "kubevirt.io/kubevirt/cmd/virt-api" },
                {
                    name: "virt-controller-1.9",
                    module: KUBEVIRT_1_9,
                    package: "kubevirt.io/kubevirt/cmd/virt-controller",
                },
            ],
        },
        {
            name: "node-side-1.9",
            minutes: 1,
            ownSources: [KUBEVIRT_1_9, EMBEDDED_CLUSTER],
            programs: [{ name: "node-side-1.9", module: KUBEVIRT_1_9, package: "./node-side" }],
        },
    ];
}

/** The version of a module that a go.mod requires. */
export function pinnedVersion(module: string, required: string): string {
    const goMod = readFileSync(path.join(REPOSITORY, module, "go.mod"), "utf8");
    const words = goMod.split("\n").map((line) =>
        line
            .trim()
            .replace(/^require /, "")
            .split(" "),
    );
    const version = words.find((line) => line[0] === required && line[1]?.startsWith("v"))?.[1];
    if (version === undefined) {
        throw new Error(`${module}/go.mod requires no ${required}.`);
    }
    return version;
}

/** The arguments of `go` that build a program into a folder. */
export function buildArguments(program: GoProgram, folder: string): string[] {
    const variables = Object.entries(program.variables ?? {}).map(([name, value]) => `-X ${name}=${value}`);
    return [
        "build",
        "-v", // names each package when it has been compiled, which is the progress that is shown
        "-mod=readonly",
        "-buildvcs=false",
        "-ldflags",
        ["-s -w", ...variables].join(" "),
        "-o",
        path.join(folder, program.name),
        program.package,
    ];
}

/**
 * Names what a unit is built from: the pins, the flags, the platform and, where it has sources of ours, those. Programs
 * with the same key are the same, so a cache can be shared by clones and branches.
 */
export function cacheKey(unit: Unit, platform = `${process.platform}-${process.arch}`): string {
    const hash = createHash("sha256");
    const add = (text: string | Buffer): void => void hash.update(`${text.length}:`).update(text);
    add(platform);
    for (const program of unit.programs) {
        buildArguments(program, "").forEach(add);
    }
    Object.entries(unit.shellScripts ?? {})
        .flat()
        .forEach(add);
    const addFiles = (folder: string, files: readonly string[]): void => {
        for (const file of files) {
            add(file);
            add(readFileSync(path.join(REPOSITORY, folder, file)));
        }
    };
    new Set(unit.programs.map((program) => program.module)).forEach((module) => addFiles(module, ["go.mod", "go.sum"]));
    unit.ownSources?.forEach((folder) => addFiles(folder, goSources(path.join(REPOSITORY, folder))));
    return hash.digest("hex").slice(0, 16);
}

/** What Go reads of a module: its own sources and the files that these embed, not its tests and not the TypeScript beside it. */
function goSources(folder: string): string[] {
    return readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile() && !/(_test\.go|\.ts|\.md)$/.test(entry.name))
        .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)))
        .sort();
}
