import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";

import type * as automation from "@pulumi/pulumi/automation";

import { newStack, type NewStack } from "../../support/new-stack";
import { LITTLE_COLLECTING } from "../../support/pulumi-command";
import { Registrations } from "./registrations";
import { startSubject, type Subject, SUBJECT, usePulumiBinary } from "./subject";

/** What the engine said about one resource. */
export interface Step {
    op: string;
    urn: string;
    /** Kind of change by property path. */
    detailedDiff: Record<string, string>;
    /** The new outputs; at a preview what the program may compute with. */
    outputs: Record<string, unknown>;
}

/** One preview, update, refresh or destroy. */
export class Run {
    constructor(
        readonly steps: Step[],
        readonly messages: string,
    ) {}

    /** What was to be done with the resource of that logical name, in order. */
    ops(name: string): string[] {
        return this.of(name).map(({ op }) => op);
    }

    of(name: string): Step[] {
        return this.steps.filter(({ urn }) => urn.endsWith(`::${name}`));
    }
}

interface RunOptions {
    onEvent(event: automation.EngineEvent): void;
    suppressOutputs: false;
}

export interface StoredResource {
    urn: string;
    type: string;
    id: string;
    inputs: Record<string, unknown>;
    outputs: Record<string, unknown>;
    initErrors?: string[];
}

/** A Pulumi project of its own with a file backend, run by the real engine against the provider under test. */
export class TestStack {
    private running: Promise<unknown> | undefined;

    private readonly stack: automation.Stack;

    private constructor(
        private readonly made: NewStack,
        private readonly subject: Subject | undefined,
    ) {
        this.stack = made.stack;
    }

    /** @param environment what the provider sees beside PATH and HOME, e.g. KUBECONFIG */
    static async create(environment: Record<string, string> = {}): Promise<TestStack> {
        usePulumiBinary();
        const { KUBECONFIG: _ambient, ...ambient } = process.env;
        const subject = SUBJECT === "stand-in" ? await startSubject({ ...ambient, ...environment }) : undefined;
        const made = await newStack("provider-test", {
            PULUMI_CONFIG_PASSPHRASE: "only-for-tests",
            PULUMI_SKIP_UPDATE_CHECK: "true",
            PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
            KUBECONFIG: "",
            GOGC: LITTLE_COLLECTING,
            ...environment,
            ...(subject && {
                PULUMI_DEBUG_PROVIDERS: `kubernetes:${subject.port}`,
                PULUMI_IGNORE_AMBIENT_PLUGINS: "true",
            }),
        });
        return new TestStack(made, subject);
    }

    preview(program: automation.PulumiFn): Promise<Run> {
        return this.runProgram(program, (options) => this.stack.preview(options));
    }

    /** Runs without a preview before it: what a preview says is tried by `preview`. */
    up(program: automation.PulumiFn): Promise<Run> {
        return this.runProgram(program, (options) => this.stack.up(options));
    }

    refresh(): Promise<Run> {
        return this.run((options) => this.stack.refresh(options));
    }

    destroy(): Promise<Run> {
        return this.run((options) => this.stack.destroy(options));
    }

    async resources(): Promise<StoredResource[]> {
        const { deployment } = await this.stack.exportStack();
        const { resources } = deployment as { resources?: StoredResource[] };
        return (resources ?? []).filter(({ type }) => type.startsWith("kubernetes:"));
    }

    /** The state as it lies on disk. */
    stateText(): string {
        const file = join(this.made.backend, ".pulumi", "stacks", "provider-test", "test.json");
        return readFileSync(file, "utf8");
    }

    async remove(): Promise<void> {
        await this.subject?.stop();
        // A test that failed or ran out of time may have left the engine at work in the folder.
        await this.running?.catch(() => undefined);
        rmSync(this.made.folder, { recursive: true, force: true });
    }

    private async runProgram(
        program: automation.PulumiFn,
        act: (options: RunOptions & { program: automation.PulumiFn }) => Promise<unknown>,
    ): Promise<Run> {
        const registrations = new Registrations();
        const run = await this.run((options) => act({ ...options, program: registrations.watch(program) }));
        registrations.compare(run.steps);
        return run;
    }

    private async run(act: (options: RunOptions) => Promise<unknown>): Promise<Run> {
        const steps: Step[] = [];
        const messages: string[] = [];
        const onEvent = (event: automation.EngineEvent): void => {
            const step = event.resourcePreEvent?.metadata ?? event.resOutputsEvent?.metadata;
            if (event.resourcePreEvent && step) {
                const detailed = Object.entries(step.detailedDiff ?? {});
                steps.push({
                    op: step.op,
                    urn: step.urn,
                    detailedDiff: Object.fromEntries(detailed.map(([path, { diffKind }]) => [path, diffKind])),
                    outputs: {},
                });
            } else if (event.resOutputsEvent && step) {
                const known = steps.find(({ urn, op }) => urn === step.urn && op === step.op);
                if (known) {
                    known.outputs = step.new?.outputs ?? {};
                }
            } else if (event.diagnosticEvent) {
                messages.push(event.diagnosticEvent.message);
            }
        };
        this.running = act({ onEvent, suppressOutputs: false });
        await this.running;
        return new Run(steps, messages.join(""));
    }
}
