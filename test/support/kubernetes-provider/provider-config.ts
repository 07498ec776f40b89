import { isDeepStrictEqual } from "node:util";

import type { KubeConfig } from "@kubernetes/client-node";
import { type ConfigureRequest, type DiffRequest, DiffResponse } from "@pulumi/pulumi/proto/provider_pb";

import type { Settings } from "./instance";
import { parseKubeconfig } from "./kubeconfig";
import { fromStruct, isUnknown, type Json, type JsonObject, toPlain } from "./values";

/** The options of a provider instance: its arguments first, then the environment variables that upstream reads. */
export function settingsFrom(request: ConfigureRequest, environment: NodeJS.ProcessEnv): Settings {
    const variables = request.getVariablesMap();
    const argument = (name: string): string | undefined => variables.get(`kubernetes:config:${name}`);
    const flag = (name: string, variable: string): boolean => (argument(name) ?? environment[variable]) === "true";
    return {
        kubeconfig: argument("kubeconfig"),
        context: argument("context"),
        cluster: argument("cluster"),
        namespace: argument("namespace"),
        enableSecretMutable: flag("enableSecretMutable", "PULUMI_K8S_ENABLE_SECRET_MUTABLE"),
        enableConfigMapMutable: flag("enableConfigMapMutable", "PULUMI_K8S_ENABLE_CONFIGMAP_MUTABLE"),
        enablePatchForce: flag("enablePatchForce", "PULUMI_K8S_ENABLE_PATCH_FORCE"),
        upsertExistingObjects: flag("upsertExistingObjects", "PULUMI_K8S_UPSERT_EXISTING_OBJECTS"),
        deleteUnreachable: flag("deleteUnreachable", "PULUMI_K8S_DELETE_UNREACHABLE"),
        skipUpdateUnreachable: flag("skipUpdateUnreachable", "PULUMI_K8S_SKIP_UPDATE_UNREACHABLE"),
    };
}

const NAMES_THE_CLUSTER = ["kubeconfig", "context", "cluster"];

/** Another cluster replaces the provider, and with it everything made through it; any other option updates it. */
export function diffConfig(request: DiffRequest): DiffResponse {
    const olds = toPlain(fromStruct(request.getOlds()));
    const news = toPlain(fromStruct(request.getNews()));
    const response = new DiffResponse();
    const changed = [...new Set([...Object.keys(olds), ...Object.keys(news)])].filter(
        (key) => !isDeepStrictEqual(olds[key], news[key]),
    );
    if (changed.length === 0) {
        response.setChanges(DiffResponse.DiffChanges.DIFF_NONE);
        return response;
    }
    response.setChanges(DiffResponse.DiffChanges.DIFF_SOME);
    const identified = "clusterIdentifier" in news && "clusterIdentifier" in olds;
    const unknown = NAMES_THE_CLUSTER.find((key) => isUnknown(news[key]));
    if (unknown) {
        response.setDiffsList([unknown]);
        response.setReplacesList([unknown]);
        return response;
    }
    response.setDiffsList(changed);
    if (identified) {
        response.setReplacesList(changed.filter((key) => key === "clusterIdentifier"));
        return response;
    }
    const before = activeCluster(olds);
    const after = activeCluster(news);
    if (before && after && !isDeepStrictEqual(before, after)) {
        response.setReplacesList(changed.filter((key) => NAMES_THE_CLUSTER.includes(key)));
    }
    return response;
}

function activeCluster(inputs: JsonObject): object | undefined {
    const config = kubeconfigOf(inputs.kubeconfig);
    const context = config?.getContextObject(textOf(inputs.context) || config.getCurrentContext());
    return config?.getCluster(textOf(inputs.cluster) || (context?.cluster ?? "")) ?? undefined;
}

function kubeconfigOf(value: Json | undefined): KubeConfig | undefined {
    return typeof value === "string" && value !== "" ? parseKubeconfig(value) : undefined;
}

function textOf(value: Json | undefined): string {
    return typeof value === "string" ? value : "";
}
