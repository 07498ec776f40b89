import * as pulumi from "@pulumi/pulumi";
import { MANAGER_ANNOTATION } from "../core/manager";

/** Who manages what the program makes in the cluster: `organization/project/stack`. */
export function managerOfStack(): string {
    return `${pulumi.getOrganization()}/${pulumi.getProject()}/${pulumi.getStack()}`;
}

/**
 * Annotations of every Kubernetes object that the components make: who manages it, so that a stack which declares an
 * object of the same name meets a conflict instead of taking it over; and that the provider need not wait for it.
 */
export function objectAnnotations(): Record<string, string> {
    return { "pulumi.com/skipAwait": "true", [MANAGER_ANNOTATION]: managerOfStack() };
}
