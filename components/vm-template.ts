import type * as pulumi from "@pulumi/pulumi";
import type { Problem } from "../core/problem";
import { VM_LABEL } from "../core/service/selector";

/** The bus that a disk is on. */
export interface DiskBus {
    /** `virtio`, `sata`, `scsi` or `usb`. @default KubeVirt's, by machine type */
    bus?: string;
}

/** A disk as KubeVirt writes it (kubevirt.io/v1 Disk). */
export interface Disk {
    /** Name of the volume that it shows. */
    name: string;
    /** Shown as a disk. */
    disk?: DiskBus;
    /** Shown as a CD-ROM. */
    cdrom?: DiskBus;
    /** Order among all disks and NICs to boot from, 1 first. @default KubeVirt's */
    bootOrder?: number;
}

/** A container image with a disk. */
export interface ContainerDiskSource {
    /** Image reference. */
    image: pulumi.Input<string>;
}

/** A DataVolume of the VM's namespace. */
export interface DataVolumeSource {
    /** Its name. */
    name: pulumi.Input<string>;
}

/** A PersistentVolumeClaim of the VM's namespace. */
export interface PersistentVolumeClaimSource {
    /** Its name. */
    claimName: pulumi.Input<string>;
}

/** A volume as KubeVirt writes it (kubevirt.io/v1 Volume), with one source. */
export interface Volume {
    /** Name, unique in the VM. */
    name: string;
    /** From a container image; changes are lost when the VM stops. */
    containerDisk?: ContainerDiskSource;
    /** From a DataVolume. */
    dataVolume?: DataVolumeSource;
    /** From a PersistentVolumeClaim. */
    persistentVolumeClaim?: PersistentVolumeClaimSource;
}

/** A VM's template as KubeVirt writes it (kubevirt.io/v1 VirtualMachineInstanceTemplateSpec). */
export interface VirtualMachineTemplate {
    /** Labels and annotations of the instance and its pods. Services of the VM need `kubevirt.io/vm` with its name. */
    metadata?: {
        /** Labels. */
        labels?: Record<string, pulumi.Input<string>>;
        /** Annotations. */
        annotations?: Record<string, pulumi.Input<string>>;
    };
    /** The rest of it, such as `domain` and `volumes`. */
    spec: Record<string, unknown>;
}

/** What a template is made of. */
export interface TemplateArgs {
    labels?: Record<string, pulumi.Input<string>>;
    annotations?: Record<string, pulumi.Input<string>>;
    cpu: pulumi.Input<number>;
    memory: pulumi.Input<string>;
    disks?: Disk[];
    volumes?: Volume[];
}

/** Name of the volume with the guest's configuration. */
const CLOUD_INIT = "cloud-init";

/**
 * `spec.template` of a VirtualMachine, without its networks and interfaces: those are written NIC by NIC. An explicit
 * "no pod NIC" keeps KubeVirt from adding one that only it knows of.
 */
export function vmTemplate(
    vmName: string,
    args: TemplateArgs,
    secretName: pulumi.Output<string> | undefined,
): Record<string, unknown> {
    const volumes = args.volumes ?? [];
    const disks = args.disks ?? volumes.map(({ name }) => ({ name, disk: { bus: "virtio" } }));
    const guest = secretName && {
        name: CLOUD_INIT,
        cloudInitNoCloud: { secretRef: { name: secretName }, networkDataSecretRef: { name: secretName } },
    };
    return {
        metadata: {
            labels: podLabels(vmName, args.labels),
            ...filled("annotations", args.annotations),
        },
        spec: {
            domain: {
                cpu: { cores: args.cpu },
                memory: { guest: args.memory },
                devices: {
                    autoattachPodInterface: false,
                    ...filled("disks", guest ? [...disks, { name: CLOUD_INIT, disk: { bus: "virtio" } }] : disks),
                },
            },
            ...filled("volumes", guest ? [...volumes, guest] : volumes),
        },
    };
}

/** Labels of a VM's instance and pods, by which its Services find it. */
export function podLabels(vmName: string, labels: TemplateArgs["labels"]): Record<string, pulumi.Input<string>> {
    return { ...labels, [VM_LABEL]: vmName };
}

/** NICs have one writer, which is not the template's. */
export function templateProblems(vm: string, { spec }: VirtualMachineTemplate): Problem[] {
    const domain = (spec.domain ?? {}) as { devices?: { interfaces?: unknown } };
    const listed: [string, unknown][] = [
        ["template.spec.networks", spec.networks],
        ["template.spec.domain.devices.interfaces", domain.devices?.interfaces],
    ];
    return listed
        .filter(([, list]) => list !== undefined)
        .map(([field]) => ({
            vm,
            field,
            rule: "the NICs of a VM are written one by one, so that they can change live",
            remedy: "declare them in networks of the VirtualMachine, and take them out of the template",
        }));
}

/** A map or list, unless it is empty: the API server drops an empty one, and the next preview would show it as added. */
export function filled<K extends string, T extends object>(key: K, value: T | undefined): { [P in K]?: T } {
    return (value && Object.keys(value).length > 0 ? { [key]: value } : {}) as { [P in K]?: T };
}
