import { startKubernetesProvider } from "./index";

/** The stand-in as a process of its own: prints its port on the first line, ends on SIGTERM, SIGINT or a closed stdin. */
async function main(): Promise<void> {
    const provider = await startKubernetesProvider();
    process.stdout.write(`${provider.port}\n`);
    const end = (): void => void provider.stop().then(() => process.exit(0));
    process.once("SIGTERM", end);
    process.once("SIGINT", end);
    process.stdin.resume();
    process.stdin.once("end", end);
    process.stdin.once("error", end);
}

void main();
