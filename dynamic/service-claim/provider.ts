import { storedAnew } from "../handler";
import type { StoredClaim } from "./inputs";

export { check } from "./check";

export async function diff(
    _id: string,
    olds: StoredClaim,
    news: StoredClaim,
): Promise<{ changes: boolean; replaces: string[] }> {
    const replaces = (["namespace", "service"] as const).filter((field) => olds[field] !== news[field]);
    return Promise.resolve({ changes: replaces.length > 0 || storedAnew(olds, news), replaces });
}

export async function create(inputs: StoredClaim): Promise<{ id: string; outs: StoredClaim }> {
    return Promise.resolve({ id: `${inputs.namespace}/${inputs.service}`, outs: inputs });
}

export async function update(_id: string, _olds: StoredClaim, news: StoredClaim): Promise<{ outs: StoredClaim }> {
    return Promise.resolve({ outs: news });
}
