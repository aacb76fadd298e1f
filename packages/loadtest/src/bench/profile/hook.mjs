/**
 * Loaded into a service before its own code (NODE_OPTIONS=--import): records a CPU profile from start to orderly exit and writes it
 * to MUSTER_PROFILE_DIR. `--cpu-prof` would do the same, but Node does not take it from NODE_OPTIONS. Plain JavaScript: it runs before
 * anything that could translate TypeScript.
 */
import { writeFileSync } from 'node:fs';
import { Session } from 'node:inspector';
import { join } from 'node:path';
import { isMainThread } from 'node:worker_threads';

const directory = process.env.MUSTER_PROFILE_DIR;
const name = process.env.MUSTER_SERVICE_NAME;

if (directory && name && isMainThread) {
  const session = new Session();
  session.connect();
  session.post('Profiler.enable');
  session.post('Profiler.setSamplingInterval', { interval: 1_000 });
  session.post('Profiler.start');
  process.on('exit', () => {
    // The answer comes before `post` returns, so it is there before the process is gone.
    session.post('Profiler.stop', (error, result) => {
      if (error) process.stderr.write(`no CPU profile: ${error.message}\n`);
      else writeFileSync(join(directory, `${name}-${process.pid}.cpuprofile`), JSON.stringify(result.profile));
    });
  });
}
