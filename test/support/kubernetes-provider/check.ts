import { type CheckRequest, CheckResponse } from "@pulumi/pulumi/proto/provider_pb";

import { adoptOldName, assignName } from "./autoname";
import type { ProviderInstance } from "./instance";
import { gvkFromUrn, gvkOf, metadataOf, nameOf, namespaceOf, setMetadata } from "./kube-object";
import { normalize } from "./normalize";
import { copySecrets, fromStruct, toPlain, toProperties, toStruct } from "./values";

/** Completes the inputs: name, namespace, one spelling of secrets. */
export function check(instance: ProviderInstance, request: CheckRequest): CheckResponse {
    const urn = request.getUrn();
    const response = new CheckResponse();
    if (instance.unreachable !== undefined && instance.options.skipUpdateUnreachable) {
        instance.warn(urn, "Cluster is unreachable but skipUpdateUnreachable flag is set to true, skipping...");
        response.setInputs(request.getOlds());
        return response;
    }
    const news = fromStruct(request.getNews());
    const inputs = normalize(toPlain(news));
    const oldInputs = toPlain(fromStruct(request.getOlds()));
    const gvk = gvkFromUrn(urn);
    if (gvk.kind.endsWith("Patch") && gvkOf(inputs).kind !== gvk.kind) {
        throw new Error(`${gvk.kind}: Patch resources are not part of the stand-in for tests`);
    }

    if (Object.keys(oldInputs).length > 0) {
        adoptOldName(inputs, oldInputs);
    } else {
        assignName(inputs, urn.split("::").at(-1)!, request.getRandomseed_asU8(), request.getAutonaming());
    }
    if (nameOf(inputs) === "" && metadataOf(inputs).generateName) {
        throw new Error("the `.metadata.generateName` field is not supported in Server-Side Apply mode");
    }
    if (namespaceOf(inputs) === "" && instance.isNamespaced(gvk)) {
        setMetadata(inputs, "namespace", instance.defaultNamespace);
    }

    const checked = toProperties(inputs);
    copySecrets(checked, news);
    response.setInputs(toStruct(checked));
    return response;
}
