import type * as pulumi from "@pulumi/pulumi";
import type { OnMigrationRequired, OnRestartRequired } from "../core/consent";

/** How a dynamic resource reaches its cluster; part of its inputs, so that a later `destroy` finds the same one. */
export interface Connection {
    /** Contents or path of a kubeconfig; a secret. Absent: what `KUBECONFIG` says where `pulumi` runs. */
    kubeconfig?: string;
    context?: string;
}

/** Inputs of what changes a VM's NICs: what its owner agrees to. */
export interface ConsentInputs {
    /** @default "wait" */
    onMigrationRequired?: OnMigrationRequired;
    /** @default "report" */
    onRestartRequired?: OnRestartRequired;
}

/** Inputs that every dynamic resource has. */
export interface CommonInputs {
    connection: Connection;
    /**
     * True while `pulumi preview` runs (also the preview that `pulumi up` begins with). Read by `check`, which then
     * takes an unreachable cluster as a warning; never stored.
     */
    preview?: boolean;
    /**
     * True where the Kubernetes objects are written with the same kubeconfig: `check` then asks for the permissions on
     * them as well, which a preview of the kubernetes provider does not do; never stored.
     */
    writesObjects?: boolean;
}

/** A type of inputs as a program hands it over: any value may be an Output. */
export type InputsOf<T> = { [K in keyof T]: pulumi.Input<T[K]> };
