/** Annotation of an object with the stack that manages it, `organization/project/stack`. */
export const MANAGER_ANNOTATION = "vm.novasphere.dev/managed-by";
