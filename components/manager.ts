import * as pulumi from "@pulumi/pulumi";

/** Who manages what the program makes in the cluster: `organization/project/stack`. */
export function managerOfStack(): string {
    return `${pulumi.getOrganization()}/${pulumi.getProject()}/${pulumi.getStack()}`;
}
