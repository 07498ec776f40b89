import { runJob, type Job } from "./writers";

// A process that allocates: it gets jobs from its parent, tells of each address it has got, and of the end.

process.on("message", (job: Job) => {
    void runJob(job, () => process.send?.({ allocated: 1 })).then((outcome) => process.send?.({ outcome }));
});
process.on("disconnect", () => process.exit());
process.send?.({ ready: true });
