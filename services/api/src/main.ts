import { apiSchema, createLogger, type Logger, loadConfig, runMain } from '@muster/runtime';
import { startApi } from './api.ts';

let log: Logger | null = null;

async function main(): Promise<void> {
  const config = loadConfig(apiSchema, process.env);
  log = createLogger('api', config.MUSTER_LOG_LEVEL);
  const api = await startApi(config, log);
  api.lifecycle.handleSignals();
  if (await api.lanesFit) return;
  await api.lifecycle.shutdown('lanes');
  process.exit(1);
}

runMain(() => log, main);
