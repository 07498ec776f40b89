import Mocha from "mocha";

/** What a run of mocha came to. */
export interface Summary {
    passed: number;
    failed: number;
    skipped: number;
}

/** Prints as mocha's `spec` does, and sends the figures to the process that started mocha. */
export default class SummaryReporter extends Mocha.reporters.Spec {
    public constructor(runner: Mocha.Runner, options: Mocha.MochaOptions) {
        super(runner, options);
        runner.once(Mocha.Runner.constants.EVENT_RUN_END, () => {
            const { passes, failures, pending } = this.stats;
            process.send?.({ passed: passes, failed: failures, skipped: pending } satisfies Summary);
        });
    }
}
