// Imports point one way: components -> dynamic/*/resource; dynamic/*/provider -> cluster -> core; policy, proxy and
// cli -> cluster, core. What a program declares can thus be planned without a cluster, and the rules be tested without Pulumi.

const PRODUCT = "^(index[.]ts$|components/|core/|cluster/|dynamic/|policy/|proxy/|cli/)";
const RESOURCE = "^dynamic/[^/]+/resource[.]ts$";
/** What both sides of a dynamic resource share: its inputs, and how the one finds the other. */
const SHARED = "^dynamic/(connection|shim|[^/]+/inputs)[.]ts$";

/** What a part of the product may import of the product. */
const layer = (name, from, allowed) => ({
    name,
    severity: "error",
    from,
    to: { path: PRODUCT, pathNot: allowed },
});

/** @type {import("dependency-cruiser").IConfiguration} */
module.exports = {
    forbidden: [
        layer("core-imports-core", { path: "^core/" }, ["^core/"]),
        layer("cluster-imports-core", { path: "^cluster/" }, ["^cluster/", "^core/"]),
        layer("inputs-touch-no-cluster", { path: SHARED }, [SHARED, "^core/"]),
        {
            ...layer("resource-touches-no-cluster", { path: RESOURCE }, [SHARED, "^core/"]),
            comment: "Types of its provider are welcome: they are gone when the program runs.",
            to: { path: PRODUCT, pathNot: [SHARED, "^core/"], dependencyTypesNot: ["type-only"] },
        },
        layer("provider-imports-cluster-and-core", { path: "^dynamic/", pathNot: [RESOURCE, SHARED] }, [
            "^dynamic/(?!.*/resource[.]ts$)",
            "^cluster/",
            "^core/",
        ]),
        layer("components-touch-no-cluster", { path: "^components/" }, ["^components/", RESOURCE, SHARED, "^core/"]),
        layer("policy-imports-cluster-and-core", { path: "^policy/" }, ["^policy/", "^cluster/", "^core/"]),
        layer("proxy-imports-cluster-and-core", { path: "^proxy/" }, ["^proxy/", "^cluster/", "^core/"]),
        layer("cli-imports-cluster-and-core", { path: "^cli/" }, ["^cli/", "^cluster/", "^core/"]),
        {
            name: "core-is-pure",
            comment: "The rules know no Pulumi, no cluster, no file, no network and no clock. Hashes are pure.",
            severity: "error",
            from: { path: "^core/" },
            to: { path: ["node_modules/(@pulumi|@kubernetes)/", "^(?!crypto$)[a-z_/]+$"] },
        },
        {
            name: "one-way-to-the-kubernetes-client",
            comment:
                "The build puts the library into that file, without which a run of the engine starts half a second later.",
            severity: "error",
            from: { path: PRODUCT, pathNot: "^(core/|cluster/kubernetes-client[.]ts$)" },
            to: { path: "node_modules/@kubernetes/client-node/" },
        },
        {
            name: "only-components-know-pulumi",
            comment: "cluster/ and what stands on it also work in the `wukong` command and in the node agent.",
            severity: "error",
            from: { path: "^(cluster|proxy|cli)/" },
            to: { path: "node_modules/@pulumi/" },
        },
        {
            name: "product-without-tests-and-scripts",
            severity: "error",
            from: { path: PRODUCT },
            to: { path: "^(test|scripts|examples)/" },
        },
        {
            name: "product-without-development-dependencies",
            comment: "A package that is listed under devDependencies only is missing where the product is installed.",
            severity: "error",
            from: { path: PRODUCT },
            to: { dependencyTypes: ["npm-dev", "npm-no-pkg"], dependencyTypesNot: ["npm-peer", "type-only"] },
        },
        {
            name: "examples-use-the-package",
            comment: "An example is what a user writes: it imports the package by its name.",
            severity: "error",
            from: { path: "^examples/" },
            to: { path: `${PRODUCT}|^(test|scripts)/`, dependencyTypes: ["local"] },
        },
        { name: "no-cycles", severity: "error", from: {}, to: { circular: true } },
        { name: "no-unresolvable", severity: "error", from: {}, to: { couldNotResolve: true } },
    ],
    options: {
        doNotFollow: { path: "node_modules" },
        exclude: { path: "^(bin|docs/api)/" },
        tsPreCompilationDeps: true,
        tsConfig: { fileName: "tsconfig.json" },
        enhancedResolveOptions: {
            exportsFields: ["exports"],
            conditionNames: ["import", "require", "node", "default", "types"],
        },
    },
};
