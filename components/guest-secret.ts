import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { guestNetworkConfig } from "../core/guest-network";
import { untraced } from "../dynamic/shim";
import { derived } from "./input";
import { objectAnnotations } from "./manager";
import type { NicPlan } from "./nic-plan";
import type { Scope } from "./scope";

/** cloud-init of some versions reads the network configuration only beside user data. */
const EMPTY_USER_DATA = "#cloud-config\n";

/** The Secret of a VM's NoCloud disk: user data, and the network configuration of all its NICs. */
export function guestSecret(
    name: string,
    namespace: pulumi.Input<string>,
    userData: pulumi.Input<string> | undefined,
    nics: readonly NicPlan[],
    scope: Scope,
): kubernetes.core.v1.Secret {
    return untraced(
        () =>
            new kubernetes.core.v1.Secret(
                name,
                {
                    metadata: { name, namespace, annotations: objectAnnotations() },
                    // The keys that KubeVirt looks for (pkg/cloud-init).
                    stringData: {
                        userdata: pulumi.secret(userData ?? EMPTY_USER_DATA),
                        networkdata: derived(
                            nics.map((nic) => nic.guest),
                            guestNetworkConfig,
                        ),
                    },
                },
                scope.kubernetes,
            ),
    );
}
