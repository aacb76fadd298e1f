/** Health check of the image: asks the service, whose port is the one that its environment names, whether it is ready. */
const port = process.env.MUSTER_API_PORT ?? process.env.MUSTER_WORKER_PORT ?? process.env.MUSTER_BOARD_PORT;
const answer = port && (await fetch(`http://127.0.0.1:${port}/health/ready`, { signal: AbortSignal.timeout(4_000) }).catch(() => null));
process.exit(answer?.ok ? 0 : 1);
