/** A mistake of the user's, or a lack of the machine's: told in a sentence, without a stack. */
export class Refusal extends Error {}

/** Runs a command to its end: its result becomes the exit code, and a refusal one line on stderr. */
export async function runCommand(main: () => Promise<number>): Promise<void> {
    try {
        process.exitCode = await main();
    } catch (error) {
        console.error(error instanceof Refusal ? error.message : error);
        process.exitCode = 1;
    }
}
