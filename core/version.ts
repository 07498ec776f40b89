/** True when a version such as `v1.9.0-rc.1` or `1.6.0` is at least `major.minor`; undefined when it is unreadable. */
export function isAtLeast(version: string, major: number, minor: number): boolean | undefined {
    const match = /^v?([0-9]+)\.([0-9]+)(?:[.+-]|$)/.exec(version);
    if (match === null) {
        return undefined;
    }
    const [theirMajor, theirMinor] = [Number(match[1]), Number(match[2])];
    return theirMajor > major || (theirMajor === major && theirMinor >= minor);
}
