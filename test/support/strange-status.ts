import * as k8s from "@kubernetes/client-node";
import { done, seen, testClients, until } from "./embedded-cluster";

/** An interface of a guest, as virt-handler reports it. */
export interface ReportedInterface {
    readonly name?: string;
    readonly mac?: string;
    readonly interfaceName?: string;
    readonly infoSource?: string;
}

interface Reporting extends k8s.KubernetesObject {
    readonly status?: { readonly interfaces?: readonly ReportedInterface[] };
}

/** Has virt-handler report a NIC `ghost` of an instance, which no spec has. */
export async function reportStrangeNic(namespace: string, name: string): Promise<void> {
    await report(namespace, name, (interfaces) => [...interfaces, { name: "ghost", infoSource: "domain" }]);
}

/**
 * Has virt-handler report what it does where root in the guest has renamed, as it were, a NIC (another MAC address) and made
 * an interface of the guest's own: both have no name, as no NIC has their MAC address, and the NIC is known to the domain
 * alone (tests/network/vmi_infosource.go).
 */
export async function reportWhatTheGuestDid(namespace: string, name: string, nic: string): Promise<void> {
    const guest = { infoSource: "guest-agent" };
    await report(namespace, name, (interfaces) => [
        ...interfaces.map((each) => (each.name === nic ? { ...each, infoSource: "domain, multus-status" } : each)),
        { ...guest, mac: "be:af:00:00:de:ad", interfaceName: "renamed0" },
        { ...guest, mac: "be:af:00:00:be:ef", interfaceName: "dummy0" },
    ]);
}

async function report(
    namespace: string,
    name: string,
    change: (interfaces: readonly ReportedInterface[]) => ReportedInterface[],
): Promise<void> {
    const { custom } = await testClients("virt-handler");
    const admin = await testClients();
    const place = { group: "kubevirt.io", version: "v1", namespace, plural: "virtualmachineinstances", name };
    await until("the strange status to be written", async () => {
        const vmi = (await admin.custom.getNamespacedCustomObject(place)) as Reporting;
        const interfaces = change(vmi.status?.interfaces ?? []);
        try {
            const body = { ...vmi, status: { ...vmi.status, interfaces } };
            await custom.replaceNamespacedCustomObject({ ...place, body });
            return done(true);
        } catch (error) {
            if (error instanceof k8s.ApiException && error.code === 409) {
                return seen(error.body);
            }
            throw error;
        }
    });
}
