import * as pulumi from "@pulumi/pulumi";
import { describe, errorsOf, warningsOf, type Problem } from "../core/problem";

/**
 * Stops the program with a sentence for each problem, before the component has made anything.
 * @throws pulumi.ResourceError without a stack trace
 */
export function refuse(component: pulumi.Resource, what: string, problems: readonly Problem[]): void {
    for (const warning of warningsOf(problems)) {
        void pulumi.log.warn(describe(warning), component);
    }
    const sentences = errorsOf(problems).map(describe);
    if (sentences.length > 0) {
        throw new pulumi.ResourceError(
            `${what} cannot be made as it is declared. ${sentences.join(" ")}`,
            component,
            true,
        );
    }
}
