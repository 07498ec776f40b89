import { rmSync } from "node:fs";
import type * as automation from "@pulumi/pulumi/automation";
import { command } from "./command";
import { newStack, type NewStack } from "./new-stack";
import { pulumiEnvironment, type StackUser } from "./pulumi-environment";

/** A change that the engine plans or makes, as its events tell. */
export interface Step {
    /** `create`, `update`, `delete`, `replace`, `same` ... */
    op: string;
    /** Type token of the resource. */
    type: string;
    /** Logical name. */
    name: string;
    /** Inputs and outputs after the step, as far as the engine knows them. */
    inputs: Record<string, unknown>;
    outputs: Record<string, unknown>;
}

/** What a run of the engine said and did. */
export interface Run {
    /** Everything it printed. */
    text: string;
    steps: Step[];
    outputs: Record<string, unknown>;
}

/** A stack of the real engine, with a file backend, for one program after the other. */
export class TestStack {
    private readonly stack: automation.Stack;

    private constructor(private readonly made: NewStack) {
        this.stack = made.stack;
    }

    /**
     * @param user whose kubeconfig the stack is run with
     */
    static async create(user?: StackUser): Promise<TestStack> {
        return new TestStack(await newStack("wukong-test", await pulumiEnvironment(user)));
    }

    /** Runs the stack as somebody else, or against another cluster, from now on. */
    async become(user: StackUser): Promise<void> {
        const { workspace } = this.stack;
        workspace.envVars = { ...workspace.envVars, ...(await pulumiEnvironment(user)) };
    }

    async preview(program: automation.PulumiFn): Promise<Run> {
        return this.run((options) => this.stack.preview({ ...options, program }));
    }

    /** @param continueOnError whether what does not depend on a failure is done nevertheless */
    async up(program: automation.PulumiFn, continueOnError = false): Promise<Run> {
        return this.run((options) => this.stack.up({ ...options, program, continueOnError }));
    }

    async refresh(): Promise<Run> {
        return this.run((options) => this.stack.refresh(options));
    }

    /** Destroys what is left and removes all files; call it at the end of each test that made a stack. */
    async dispose(): Promise<void> {
        await this.stack.destroy({ color: "never" });
        rmSync(this.made.folder, { recursive: true, force: true });
    }

    async destroy(): Promise<Run> {
        return this.run((options) => this.stack.destroy(options));
    }

    /** The state, as the backend has it. */
    async state(): Promise<automation.Deployment> {
        return this.stack.exportStack();
    }

    /** What `pulumi stack export` prints: secrets are not in clear, as they are in `state`. */
    async exported(): Promise<string> {
        const { envVars } = this.stack.workspace;
        const env = { ...process.env, ...envVars, PULUMI_HOME: this.made.home };
        const args = ["stack", "export", "--stack", this.stack.name, "--non-interactive"];
        const { code, text } = await command("pulumi", args, { cwd: this.made.work, env });
        if (code !== 0) {
            throw new Error(`pulumi stack export failed: ${text}`);
        }
        return text;
    }

    private async run(
        act: (options: {
            onOutput: (text: string) => void;
            onEvent: (event: automation.EngineEvent) => void;
            color: "never";
        }) => Promise<unknown>,
    ): Promise<Run> {
        let text = "";
        const steps: Step[] = [];
        let outputs: Record<string, unknown> = {};
        const onEvent = (event: automation.EngineEvent): void => {
            const metadata = event.resourcePreEvent?.metadata;
            if (metadata) {
                const { op, type, urn } = metadata;
                const { inputs = {}, outputs: after = {} } = metadata.new ?? {};
                steps.push({ op, type, name: urn.split("::").at(-1) ?? "", inputs, outputs: after });
            }
            const ended = event.resOutputsEvent?.metadata;
            if (ended?.type === "pulumi:pulumi:Stack") {
                outputs = ended.new?.outputs ?? {};
            }
        };
        await act({ onOutput: (chunk) => (text += chunk), onEvent, color: "never" });
        return { text, steps, outputs };
    }
}
