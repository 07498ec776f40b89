import type * as pulumi from "@pulumi/pulumi";
import type { PlannedChange } from "../../core/plan/change";
import type { InputsOf } from "../connection";
import { providerOf, UntracedResource } from "../shim";
import type { PowerStateInputs, RunStrategy } from "./inputs";

const provider = providerOf("power-state");

/** Starts and stops a VM; the only writer of its run strategy. */
export class PowerState extends UntracedResource {
    /** KubeVirt's run strategy. */
    declare public readonly runStrategy: pulumi.Output<RunStrategy>;
    /** What the last change of the VM's network was, each with its impact. */
    declare public readonly changes: pulumi.Output<PlannedChange[]>;
    /** KubeVirt's printable status, such as `Running`. */
    declare public readonly status: pulumi.Output<string>;
    /** KubeVirt waits for a restart to apply what could not be applied live. */
    declare public readonly restartRequired: pulumi.Output<boolean>;

    constructor(name: string, args: InputsOf<PowerStateInputs>, opts?: pulumi.CustomResourceOptions) {
        const outputs = { changes: undefined, status: undefined, restartRequired: undefined };
        super(provider, name, { ...outputs, ...args }, opts, "wukong", "PowerState");
    }
}
