/** Every fault there is. A full disk is not among them: no service writes files of its own. */
import type { Fault } from './fault.ts';
import { cut, mute, refuse, slow, stall } from './network.ts';
import { freeze, kill, restart, takeDown } from './processes.ts';

export type { Fault } from './fault.ts';

export const FAULTS: readonly Fault[] = [
  kill('kill-api', ['api', 'api-2', 'api+api-2']),
  kill('kill-worker', ['worker', 'worker-2']),
  kill('kill-all-workers', ['worker+worker-2']),
  kill('kill-segmenter', ['segmenter', 'segmenter-2', 'segmenter+segmenter-2']),
  freeze('freeze-api', ['api', 'api-2'], [3_000, 8_000]),
  // Longer than a job's lock: others take its work over, and it wakes up in the middle of it.
  freeze('freeze-worker', ['worker', 'worker-2'], [3_000, 10_000]),
  // Longer than a lease: the other one goes on, and it wakes up in the middle of a step that no longer counts.
  freeze('freeze-segmenter', ['segmenter', 'segmenter-2'], [6_000, 10_000]),
  takeDown('kill-redis', ['redis'], [500, 4_000]),
  takeDown('kill-postgres', ['postgres'], [500, 4_000]),
  restart('restart-postgres', ['postgres']),
  takeDown('kill-clickhouse', ['clickhouse'], [2_000, 8_000]),
  freeze('freeze-clickhouse', ['clickhouse'], [2_000, 8_000]),
  slow('postgres', [5, 30]),
  slow('redis', [2, 20]),
  slow('clickhouse', [20, 150]),
  stall('postgres'),
  stall('redis'),
  stall('clickhouse'),
  cut('postgres'),
  cut('redis'),
  cut('clickhouse'),
  refuse('refuse-store', ['postgres', 'redis', 'clickhouse']),
  cut('clients'),
  mute('clients'),
];
