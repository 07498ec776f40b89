// What is used of @kubernetes/client-node, and the only place that imports it: the build puts it into one file here
// (scripts/bundle.mjs), because its thousand modules take half a second to load, in each run of the engine and each command.
export {
    IsomorphicFetchHttpLibrary,
    KubeConfig,
    ListWatch,
    RequestContext,
    Watch,
    type HttpMethod,
    type KubernetesListObject,
    type KubernetesObject,
} from "@kubernetes/client-node";
