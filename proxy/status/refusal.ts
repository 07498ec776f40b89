/** A request that is refused, with what its sender is told. */
export class Refusal extends Error {
    constructor(
        /** HTTP status. */
        public readonly code: 400 | 401 | 404,
        message: string,
        /** Path of the member of the body that is wrong, where it is one. */
        public readonly field?: string,
    ) {
        super(message);
    }
}
