import { VirtualMachine, type NetworkInterfaceArgs } from "../../index";

/** Part of each VM's user data. */
export const PASSWORD = "marker-7f3a-of-the-user-data";

/** A small VM that is off, with user data that nobody may see. */
export function machine(namespace: string, name: string, networks: NetworkInterfaceArgs[]): VirtualMachine {
    const userData = `#cloud-config\npassword: ${PASSWORD}\n`;
    return new VirtualMachine(name, { namespace, cpu: 1, memory: "64Mi", runStrategy: "Halted", userData, networks });
}
