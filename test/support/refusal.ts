import assert from "node:assert/strict";

/**
 * What a run was refused with. It is for users to read: no stack trace, nobody's secret.
 * @param secrets what must not be in it
 */
export async function refusalOf(run: Promise<unknown>, secrets: readonly string[] = []): Promise<string> {
    let text: string | undefined;
    try {
        await run;
    } catch (error) {
        text = (error as Error).message;
    }
    assert.ok(text !== undefined, "the run should be refused");
    assert.doesNotMatch(text, /^\s+at /m, "no stack trace");
    for (const secret of secrets) {
        assert.ok(!text.includes(secret), "no secret");
    }
    return text;
}

/** Asserts that a text has each of the parts, one after the other, in one sentence or line. */
export function assertSays(text: string, ...parts: (string | RegExp)[]): void {
    const sources = parts.map((part) => (typeof part === "string" ? escaped(part) : part.source));
    assert.match(text, new RegExp(sources.join(".*?")));
}

function escaped(text: string): string {
    return text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
}
