/** What of a Service cannot be served, in sentences. */
export class ServiceProblems {
    public readonly sentences: string[] = [];

    /** @param where the Service, as sentences begin with it */
    constructor(private readonly where: string) {}

    public add(field: string, value: string, rule: string, remedy: string): void {
        const sentence = `${this.where} has ${field} ${value}: ${rule}; ${remedy}.`;
        if (!this.sentences.includes(sentence)) {
            this.sentences.push(sentence);
        }
    }
}
