import { type Job, runJob } from "./writers";

/** When a process is to be killed. */
export interface Death {
    /** It has got so many addresses, ... */
    readonly allocated: number;
    /** ... and then so many milliseconds have gone by, with whatever it did in them. */
    readonly delay: number;
}

/** What a process gets from its parent. */
export interface Order {
    readonly job: Job;
    readonly death?: Death;
}

// A process that allocates: it gets jobs from its parent, and tells what came of them unless it dies of them.

process.on("message", ({ job, death }: Order) => {
    let allocated = 0;
    const onAllocated = (): void => {
        allocated += 1;
        if (allocated === death?.allocated) {
            setTimeout(() => process.kill(process.pid, "SIGKILL"), death.delay);
        }
    };
    void runJob(job, onAllocated).then((outcome) => death ?? process.send?.({ outcome }));
});
process.on("disconnect", () => process.exit());
process.send?.({ ready: true });
