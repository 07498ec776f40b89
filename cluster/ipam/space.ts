import type { ForeignHolders } from "../../core/conflicts";
import { FreeAddresses } from "../../core/free-addresses";
import { parseAddress, type Address, type Family } from "../../core/ip";
import { usedAddresses, type CompiledPool, type HeldAddress, type UsedAddresses } from "../../core/pool";
import type { ClusterClient } from "../client";
import { ClusterError } from "../errors";
import { IP_RESERVATION } from "../kinds";
import { ObjectWatch, type WatchEvent } from "../watch";
import { KnownVersion } from "./known-version";
import { addressOfReservation, isFree, useOf } from "./ledger";
import { LABEL, type Reservation, versionOf } from "./objects";

const spaces = new WeakMap<ClusterClient, Map<string, AddressSpace>>();
const unreachable = new Map<string, AddressSpace>();

/** Who uses an address without a reservation. */
interface ForeignUser {
    /** For messages. */
    readonly holder: string;
    /** Whose reservation it would be, where it is one NIC's. */
    readonly ownerKey?: string;
}

/** What a write has brought is told within this time, or read. */
const TOLD_WITHIN_MS = 5000;

/** As long after the last allocation the next may come, and finds the others followed. */
const IDLE_MS = 1000;

/** A list that does not have what was written before it was asked for may come this often. */
const MAX_OLD_LISTS = 3;

/**
 * What this process knows of an address space: the reservations that the cluster has, read once and followed while
 * addresses are allocated, and the addresses that its own requests have or are going to have.
 */
export class AddressSpace {
    private held = new Map<string, Reservation>();
    /** The version at which each tenancy was seen first; who takes it up again writes it anew. */
    private readonly began = new Map<string, bigint>();
    private owned = new Map<string, Reservation[]>();
    private byMac = new Map<string, Reservation[]>();
    private listing: Promise<void> | undefined;
    private readonly claims = new Map<string, string>();
    private readonly plans = new Map<string, Address>();
    private readonly free = new Map<CompiledPool, FreeAddresses>();
    /** Addresses that are used without a reservation, and by whom. */
    private readonly foreign = new Map<string, ForeignUser>();
    private reloading: Promise<void> | undefined;
    private notedSinceAsked: Reservation[] = [];
    private readonly version = new KnownVersion();
    /** Tells what others reserve while this process allocates. */
    private watch: ObjectWatch<Reservation> | undefined;
    private allocations = 0;
    private idle: NodeJS.Timeout | undefined;
    /** Whether what others write is told at all: not by a proxy that keeps an answer until it is whole. */
    private isTold = true;

    private constructor(
        public readonly name: string,
        private readonly client: ClusterClient | undefined,
    ) {}

    /** The space as all requests of this process see it. */
    public static async of(client: ClusterClient, name: string): Promise<AddressSpace> {
        const known = spaces.get(client) ?? new Map<string, AddressSpace>();
        spaces.set(client, known);
        const space = known.get(name) ?? new AddressSpace(name, client);
        known.set(name, space);
        space.listing ??= space.list().catch((error: unknown) => {
            space.listing = undefined;
            throw error;
        });
        await space.listing;
        return space;
    }

    /** The space in a cluster that cannot be reached, of which nothing is known but the requests of this process. */
    public static unreachable(cluster: string, name: string): AddressSpace {
        const key = `${cluster} ${name}`;
        const space = unreachable.get(key) ?? new AddressSpace(name, undefined);
        unreachable.set(key, space);
        return space;
    }

    /** Reads the reservations anew, once for all that ask at the same time. */
    public async reload(): Promise<void> {
        this.reloading ??= this.list().finally(() => (this.reloading = undefined));
        await this.reloading;
    }

    /** The reservation of an address, also one that anybody may have. */
    public reservationOf(address: Address): Reservation | undefined {
        return this.held.get(address.text);
    }

    /** The reservation of an address, unless anybody may have the address. */
    public holding(address: Address): Reservation | undefined {
        const held = this.held.get(address.text);
        return held && !isFree(held, this.now()) ? held : undefined;
    }

    /** What an owner has, of any stack. */
    public holdingsOf(ownerKey: string): readonly Reservation[] {
        return this.owned.get(ownerKey) ?? [];
    }

    /** The networks that NICs use the space's addresses on: `namespace/name`. */
    public networks(): Set<string> {
        return new Set([...this.held.values()].flatMap(({ spec }) => spec.network ?? []));
    }

    /** The version at which a tenancy began, as far as it is known: with what was read of it first. */
    public beganAt(reservation: Reservation): bigint {
        return this.began.get(reservation.spec.address) ?? versionOf(reservation);
    }

    /** The reservations that go with a MAC address. */
    public holdingsWith(macAddress: string): readonly Reservation[] {
        return this.byMac.get(macAddress) ?? [];
    }

    /** Takes note of a reservation that the list did not have. */
    public note(reservation: Reservation): void {
        this.add(reservation);
        this.notedSinceAsked.push(reservation);
        for (const free of this.free.values()) {
            free.take(addressOfReservation(reservation));
        }
    }

    /** Takes note that a reservation is gone again, and of who uses its address without one. */
    public giveUp(reservation: Reservation, user: string): void {
        this.forget(reservation);
        this.foreign.set(reservation.spec.address, { holder: user });
    }

    /** Whether somebody else than the owner uses the address without a reservation. */
    public isForeign(address: Address, ownerKey: string): boolean {
        const user = this.foreign.get(address.text);
        return user !== undefined && user.ownerKey !== ownerKey;
    }

    /** The addresses that an owner's NIC uses, and that nobody has reserved or claimed. */
    public usedBy(ownerKey: string): Address[] {
        return [...this.foreign]
            .filter(([, user]) => user.ownerKey === ownerKey)
            .flatMap(([text]) => {
                const address = parseAddress(text);
                return address.ok ? [address.value] : [];
            })
            .filter((address) => !this.holding(address) && !this.claims.has(address.text));
    }

    /** Whether there is a reservation of the address, be it one that anybody may take over. */
    public isKnown(address: Address): boolean {
        return this.held.has(address.text);
    }

    /** Takes note that a reservation has been given back. */
    public forget(reservation: Reservation): void {
        this.remove(reservation);
        this.notedSinceAsked = this.notedSinceAsked.filter(({ spec }) => spec.address !== reservation.spec.address);
        this.free.clear();
    }

    /** Does what reserves an address; meanwhile others are followed. */
    public async whileAllocating<T>(work: () => Promise<T>): Promise<T> {
        this.allocations += 1;
        clearTimeout(this.idle);
        if (this.watch?.isOpen() !== true) {
            this.startWatch();
        }
        try {
            return await work();
        } finally {
            this.allocations -= 1;
            if (this.allocations === 0) {
                this.idle = setTimeout(() => {
                    this.watch?.stop();
                    this.watch = undefined;
                }, IDLE_MS).unref();
            }
        }
    }

    /**
     * Waits until everything is known that was written before a reservation was.
     * @throws ClusterError where the API server does not tell it
     */
    public async catchUp(reservation: Reservation): Promise<void> {
        const version = versionOf(reservation);
        for (let lists = 0; lists <= MAX_OLD_LISTS; lists += 1) {
            if (await this.isToldUpTo(version)) {
                return;
            }
            await this.reload();
            if (this.version.includes(version)) {
                return;
            }
        }
        throw new ClusterError(
            "failed",
            `The API server lists the reservations of space "${this.name}" as of version ${this.version.text}, which is ` +
                `older than that of ${reservation.metadata.name}, ${String(version)}: try again.`,
        );
    }

    private async isToldUpTo(version: bigint): Promise<boolean> {
        const { watch } = this;
        if (watch?.isOpen() !== true) {
            return false;
        }
        if (await this.version.until(version, TOLD_WITHIN_MS)) {
            return true;
        }
        // One that has ended meanwhile is begun again with the next list.
        if (this.watch === watch && watch.isOpen()) {
            this.isTold = false;
            watch.stop();
        }
        return false;
    }

    private startWatch(): void {
        this.watch?.stop();
        if (!this.client || !this.isTold) {
            return;
        }
        const selector = { labelSelector: this.selector, resourceVersion: this.version.text };
        const report = (event: WatchEvent, reservation: Reservation): void => {
            this.follow(event, reservation);
        };
        this.watch = new ObjectWatch<Reservation>(this.client, IP_RESERVATION, selector, report, () => {
            this.version.isLeftBehind();
        });
    }

    private follow(event: WatchEvent, reservation: Reservation): void {
        if (!this.isNoted(reservation)) {
            this.learn(event, reservation);
        }
        this.version.reach(versionOf(reservation));
    }

    /** Whether what is known of the address is as new. */
    private isNoted(reservation: Reservation): boolean {
        const held = this.held.get(reservation.spec.address);
        return held !== undefined && versionOf(held) >= versionOf(reservation);
    }

    private learn(event: WatchEvent, reservation: Reservation): void {
        if (event === "DELETED") {
            this.remove(reservation);
        } else {
            this.add(reservation);
        }
        if (event !== "DELETED" && useOf(reservation, this.now())) {
            for (const free of this.free.values()) {
                free.take(addressOfReservation(reservation));
            }
        } else {
            this.free.clear();
        }
    }

    /** Leaves out addresses that others use without a reservation. @param holders by address */
    public leaveOut(holders: ForeignHolders): void {
        for (const [address, users] of holders) {
            const [first] = users;
            const key = users.every(({ ownerKey }) => ownerKey === first?.ownerKey) ? first?.ownerKey : undefined;
            this.foreign.set(address, { holder: first?.holder ?? "", ...(key !== undefined && { ownerKey: key }) });
        }
        this.free.clear();
    }

    /** Claims an address for an owner's request. @returns whose it is: another's, where that has claimed it before */
    public claim(address: Address, ownerKey: string): string {
        const claimant = this.claims.get(address.text) ?? ownerKey;
        if (!this.claims.has(address.text)) {
            this.claims.set(address.text, ownerKey);
            for (const free of this.free.values()) {
                free.take(address);
            }
        }
        return claimant;
    }

    /** What was planned for an owner's request in this process. */
    public planOf(ownerKey: string, family: Family): Address | undefined {
        return this.plans.get(`${ownerKey} ${String(family)}`);
    }

    /** Remembers what an owner's request is going to have, and claims it. */
    public plan(ownerKey: string, address: Address): void {
        const before = this.planOf(ownerKey, address.family);
        if (before && before.text !== address.text) {
            this.forgetPlan(ownerKey, address.family);
            this.free.clear();
        }
        this.plans.set(`${ownerKey} ${String(address.family)}`, address);
        this.claim(address, ownerKey);
    }

    /** Forgets a plan, and the claim to its address: it has come true, or cannot any more. */
    public forgetPlan(ownerKey: string, family: Family): void {
        const planned = this.planOf(ownerKey, family);
        if (planned && this.claims.get(planned.text) === ownerKey) {
            this.claims.delete(planned.text);
        }
        this.plans.delete(`${ownerKey} ${String(family)}`);
    }

    /** The address of a pool that an owner gets by its hash, of those that nobody holds or has claimed. */
    public choiceOf(pool: CompiledPool, ownerKey: string, family: Family): Address | undefined {
        return this.freeIn(pool).choiceOf(ownerKey, family);
    }

    /** What of a pool is held or claimed, for messages. */
    public usedIn(pool: CompiledPool): UsedAddresses {
        const foreign = [...this.foreign].map(([address, { holder }]): HeldAddress => ({
            address,
            owner: holder,
            use: "foreign",
        }));
        return usedAddresses(pool, [...this.heldAddresses(), ...this.claims.keys(), ...foreign]);
    }

    private freeIn(pool: CompiledPool): FreeAddresses {
        const known = this.free.get(pool);
        if (known) {
            return known;
        }
        const free = new FreeAddresses(pool, this.usedIn(pool));
        this.free.set(pool, free);
        return free;
    }

    private heldAddresses(): HeldAddress[] {
        const now = this.now();
        return [...this.held.values()].flatMap((each) => useOf(each, now) ?? []);
    }

    private get selector(): string {
        return `${LABEL.space}=${this.name}`;
    }

    private now(): Date {
        return this.client?.serverNow() ?? new Date();
    }

    private async list(): Promise<void> {
        this.notedSinceAsked = [];
        const { items, metadata } = this.client
            ? await this.client.list<Reservation>(IP_RESERVATION, undefined, { labelSelector: this.selector })
            : { items: [], metadata: {} };
        this.held = new Map();
        this.owned = new Map();
        this.byMac = new Map();
        this.free.clear();
        // What was taken while the list was on its way may not be in it.
        for (const reservation of [...items, ...this.notedSinceAsked]) {
            if (!this.isNoted(reservation)) {
                this.add(reservation);
            }
        }
        this.version.reach(BigInt(metadata.resourceVersion ?? 0));
        // What was told while the list was on its way is told again, from the list on.
        if (this.watch) {
            this.startWatch();
        }
    }

    private remove({ spec }: Reservation): void {
        const others = (each: Reservation): boolean => each.spec.address !== spec.address;
        this.held.delete(spec.address);
        this.owned.set(spec.owner.key, this.holdingsOf(spec.owner.key).filter(others));
        if (spec.macAddress !== undefined) {
            this.byMac.set(spec.macAddress, this.holdingsWith(spec.macAddress).filter(others));
        }
    }

    private add(reservation: Reservation): void {
        const { address, owner, macAddress, state } = reservation.spec;
        const before = this.held.get(address);
        const goesOn = state === "Active" && before?.spec.state === "Active" && before.spec.owner.key === owner.key;
        if (!goesOn) {
            this.began.set(address, versionOf(reservation));
        }
        if (before) {
            this.remove(before);
        }
        this.held.set(address, reservation);
        index(this.owned, owner.key, reservation);
        if (macAddress !== undefined) {
            index(this.byMac, macAddress, reservation);
        }
    }
}

function index(reservations: Map<string, Reservation[]>, key: string, reservation: Reservation): void {
    const others = (reservations.get(key) ?? []).filter(({ spec }) => spec.address !== reservation.spec.address);
    reservations.set(key, [...others, reservation]);
}
