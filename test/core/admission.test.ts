import assert from "node:assert/strict";
import {
    networkNameProblems,
    podNetworkProblems,
    probeProblems,
    probeProblemsOfReplacement,
    runStrategyProblems,
} from "../../core/admission";
import { describe as sentence, type Problem } from "../../core/problem";

const place = { vm: "prod/web", nic: "mgmt" };
const said = (problems: readonly Problem[]): string[] => problems.map(sentence);

describe("admission", () => {
    it("knows KubeVirt's run strategies", () => {
        assert.deepEqual(runStrategyProblems("prod/web", "RerunOnFailure"), []);
        assert.deepEqual(said(runStrategyProblems("prod/web", "always")), [
            'VM "prod/web": runStrategy "always" is refused: KubeVirt knows the run strategies Always, RerunOnFailure, ' +
                "Once, Manual, Halted; choose one of them.",
        ]);
    });

    it("wants a pod NIC for probes that take the network, and for those only", () => {
        const template = { readinessProbe: { httpGet: { port: 80 } }, livenessProbe: { guestAgentPing: {} } };
        assert.deepEqual(probeProblems("prod/web", template, [{ type: "bridge" }, { type: "pod" }]), []);
        assert.deepEqual(probeProblems("prod/web", {}, []), []);
        assert.deepEqual(said(probeProblems("prod/web", template, [{ type: "bridge" }])), [
            'VM "prod/web": template.spec.readinessProbe.httpGet is refused: KubeVirt probes a guest by the pod network, ' +
                "and the VM has no NIC of type pod; declare one in networks, or probe by guestAgentPing or exec.",
        ]);
    });

    it("does not take the pod NIC off a VM that is probed by it", () => {
        const template = { livenessProbe: { tcpSocket: { port: 80 } } };
        assert.deepEqual(probeProblemsOfReplacement(place, undefined), []);
        assert.match(
            said(probeProblemsOfReplacement(place, template)).join(),
            /^NIC "mgmt" of VM "prod\/web": networks is refused: .* VM with livenessProbe\.tcpSocket without pod network/,
        );
    });

    it("knows the NIC that is on the pod network already, unless that changes as well", () => {
        const lists = { networks: [{ name: "eth0", pod: {} }], interfaces: [] };
        const problems = (name: string, declared: string[], type: "pod" | "bridge" = "pod"): string[] =>
            said(podNetworkProblems(place, { name, type }, lists, declared));
        assert.deepEqual(problems("eth0", ["eth0"]), []);
        assert.deepEqual(problems("mgmt", ["mgmt", "eth0"]), []);
        assert.deepEqual(problems("mgmt", ["mgmt"], "bridge"), []);
        assert.deepEqual(problems("mgmt", ["mgmt"]), [
            'NIC "mgmt" of VM "prod/web": type "pod" is refused: KubeVirt admits one NIC on the pod network, and the VM ' +
                'has it already; it is held by NIC "eth0" of the VM in the cluster; keep the name "eth0", or remove that ' +
                "NIC in an update before this one.",
        ]);
    });

    it("wants a name for a network that is not the pods'", () => {
        assert.deepEqual(networkNameProblems(place, { type: "pod" }), []);
        assert.deepEqual(networkNameProblems(place, { type: "sriov", nadName: "prod/vf" }), []);
        assert.match(
            said(networkNameProblems(place, { type: "sriov" })).join(),
            /nadName is refused: .* of type sriov/,
        );
    });
});
