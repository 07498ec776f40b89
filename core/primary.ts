/** The primary NIC: the one that says so, else the first; undefined for a VM without NICs. */
export function primaryOf<T extends { readonly primary?: boolean }>(nics: readonly T[]): T | undefined {
    return nics.find((nic) => nic.primary === true) ?? nics[0];
}
