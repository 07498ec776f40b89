import { contains, readAddress, type Subnet } from "../ip";
import { lenientSubnet } from "../lenient-address";
import type { PoolSpec } from "../pool";

/** The blocks of pools, read once for many addresses. */
export class PoolSubnets {
    private readonly blocks: readonly { readonly pool: string; readonly space: string; readonly subnet: Subnet }[];

    constructor(pools: readonly Pick<PoolSpec, "name" | "space" | "blocks">[]) {
        this.blocks = pools
            .flatMap(({ name, space, blocks }) =>
                blocks.map(({ cidr }) => ({ pool: name, space, subnet: lenientSubnet(cidr) })),
            )
            .filter((block): block is typeof block & { subnet: Subnet } => block.subnet !== undefined)
            .sort((a, b) => b.subnet.prefixLength - a.subnet.prefixLength);
    }

    /** The smallest block of a pool around an address, as CIDR. */
    public ofPool(pool: string | undefined, address: string): string | undefined {
        return this.around(address, (block) => block.pool === pool);
    }

    /** The smallest block of all pools of some spaces around an address, as CIDR. */
    public ofSpaces(spaces: ReadonlySet<string>, address: string): string | undefined {
        return this.around(address, ({ space }) => spaces.has(space));
    }

    private around(text: string, is: (block: { pool: string; space: string }) => boolean): string | undefined {
        const address = readAddress(text);
        return this.blocks.find((block) => is(block) && address !== undefined && contains(block.subnet, address))
            ?.subnet.text;
    }
}
