import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";
import type { ProxyState } from "../../core/service-proxy/model";
import type { Applied } from "../dataplane";

/** From 1 ms to 16 s, as kube-proxy has them (pkg/proxy/metrics/metrics.go). */
const SECONDS = Array.from({ length: 15 }, (_, index) => 0.001 * 2 ** index);

/** What an agent counts; `/metrics` shows it. */
export class ProxyMetrics {
    /** Everything that `/metrics` shows. */
    public readonly registry = new Registry();
    private readonly registers = [this.registry];
    private readonly syncs = new Histogram({
        name: "wukong_proxy_sync_duration_seconds",
        help: "How long it took to bring the rules to the cluster's state.",
        labelNames: ["kind"],
        buckets: SECONDS,
        registers: this.registers,
    });
    private readonly failures = new Counter({
        name: "wukong_proxy_sync_failures_total",
        help: "How often the rules could not be written.",
        registers: this.registers,
    });
    private readonly repairs = new Counter({
        name: "wukong_proxy_drift_repairs_total",
        help: "How often the kernel had lost rules, which were then written anew.",
        registers: this.registers,
    });
    private readonly flows = new Counter({
        name: "wukong_proxy_conntrack_deleted_total",
        help: "UDP flows that were removed because their endpoint was gone.",
        registers: this.registers,
    });
    private readonly ports = new Gauge({
        name: "wukong_proxy_ports",
        help: "Ports of Services in the rules, each once for each IP family.",
        registers: this.registers,
    });
    private readonly endpoints = new Gauge({
        name: "wukong_proxy_endpoints",
        help: "Endpoints in the rules, each once for each port.",
        registers: this.registers,
    });

    constructor() {
        collectDefaultMetrics({ register: this.registry });
    }

    /** The rules were brought to a state, in so many seconds. */
    public synced({ kind, flowsRemoved }: Omit<Applied, "unserved">, seconds: number, { ports }: ProxyState): void {
        this.syncs.observe({ kind }, seconds);
        this.flows.inc(flowsRemoved);
        this.ports.set(ports.length);
        this.endpoints.set(ports.reduce((sum, { internal }) => sum + internal.endpoints.length, 0));
    }

    /** The rules could not be written. */
    public failed(): void {
        this.failures.inc();
    }

    /** The kernel had lost rules. */
    public repaired(): void {
        this.repairs.inc();
    }
}
