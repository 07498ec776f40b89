import * as k8s from "@kubernetes/client-node";
import { done, seen, testClients, until } from "./embedded-cluster";

interface Reporting extends k8s.KubernetesObject {
    readonly status?: { readonly interfaces?: readonly object[] };
}

/** Has virt-handler report a NIC `ghost` of an instance, which no spec has. */
export async function reportStrangeNic(namespace: string, name: string): Promise<void> {
    const { custom } = await testClients("virt-handler");
    const admin = await testClients();
    const place = { group: "kubevirt.io", version: "v1", namespace, plural: "virtualmachineinstances", name };
    await until("the strange status to be written", async () => {
        const vmi = (await admin.custom.getNamespacedCustomObject(place)) as Reporting;
        const interfaces = [...(vmi.status?.interfaces ?? []), { name: "ghost", infoSource: "domain" }];
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
