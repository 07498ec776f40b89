import type { Place } from "../../core/problem";
import type { IPReservationInputs } from "./inputs";

/** Where an address is asked for: a NIC, or an IPReservation of the program. */
export type AddressPlace = Omit<Place, "field">;

/** Where a mistake in the inputs is to be looked for. */
export function placeOf({ vm, nic, owner }: IPReservationInputs): AddressPlace {
    return vm !== undefined && nic !== undefined
        ? { vm, nic }
        : { subject: `IPReservation for "${owner.replace(/^owner:/, "")}"` };
}

/** The field under the name that it has in the arguments of a NIC, or of an IPReservation. */
export function at(place: AddressPlace, field: "address" | "pool" | "gateway"): Place {
    const ofNic = { address: "ipConfig.address", pool: "ipConfig.ipPool", gateway: "ipConfig.gateway" };
    return { ...place, field: place.nic === undefined ? field : ofNic[field] };
}
