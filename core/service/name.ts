import type { Problem } from "../problem";

/** A Service has a DNS label that begins with a letter (RFC 1035; ValidateServiceName of Kubernetes). */
const SERVICE_NAME = /^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/;

/** What is wrong with the name of a Service, which is mostly made of others. */
export function serviceNameProblems(name: string): Problem[] {
    return SERVICE_NAME.test(name)
        ? []
        : [
              {
                  field: "serviceName",
                  value: name,
                  rule:
                      "the name of a Service is a DNS label that begins with a letter (RFC 1035): lower-case letters, " +
                      "digits and -, at most 63 characters",
                  remedy: "give the Service a serviceName of its own, or choose a shorter name that begins with a letter for what it is made of",
              },
          ];
}
