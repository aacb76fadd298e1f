import { apiSchema, createLogger, loadConfig } from '@muster/runtime';
import { startApi } from './api.ts';

const config = loadConfig(apiSchema, process.env);
const log = createLogger('api', config.MUSTER_LOG_LEVEL);
const api = await startApi(config, log);
api.lifecycle.handleSignals();
if (!(await api.lanesFit)) {
  await api.lifecycle.shutdown('lanes');
  process.exit(1);
}
