/** What is read of a plugin in a CNI configuration. */
export interface CniPlugin {
    readonly type?: unknown;
    readonly bridge?: unknown;
    readonly master?: unknown;
}

/** The plugins of a CNI configuration or a list of them; none where the text is neither. */
export function cniPlugins(config: string | undefined): CniPlugin[] {
    try {
        const parsed = JSON.parse(config ?? "") as (CniPlugin & { plugins?: unknown }) | null;
        const plugins: unknown[] = Array.isArray(parsed?.plugins) ? parsed.plugins : [parsed];
        return plugins.filter((each): each is CniPlugin => typeof each === "object" && each !== null);
    } catch {
        return [];
    }
}
