/** Health check of the image: asks the service, whose port is the one that its environment names, whether it is ready. */
const SERVICES = ['API', 'WORKER', 'SEGMENTER', 'BOARD'];
const port = SERVICES.map((name) => process.env[`MUSTER_${name}_PORT`]).find((value) => value);
const answer = port && (await fetch(`http://127.0.0.1:${port}/health/ready`, { signal: AbortSignal.timeout(4_000) }).catch(() => null));
process.exit(answer?.ok ? 0 : 1);
