/** A gateway whose workers are killed while it starts serves all the same: nobody has to start it again. */
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { gatewayIsBack, workersOf } from '../../chaos/kills.ts';
import { steerTriangle } from '../../support/steered-triangle.ts';

const said = 'a worker was killed before it served and is replaced';

t.test('each first worker is killed as soon as it is there', { skip: process.platform !== 'linux' }, async (t) => {
  const triangle = await steerTriangle(t, {}, { gateway: { workers: 2 } });
  await triangle.end('gateway', 'SIGTERM');
  const before = triangle.logOf('gateway').split(said).length;
  await triangle.start('gateway');
  const killed = new Set<number>();
  for (let turn = 0; killed.size < 2 && turn < 3000; turn += 1) {
    for (const pid of workersOf(triangle)) {
      if (killed.size === 2 || killed.has(pid)) continue;
      process.kill(pid, 'SIGKILL');
      killed.add(pid);
    }
    await sleep(2);
  }
  await gatewayIsBack(triangle);
  t.equal(triangle.logOf('gateway').split(said).length - before, 2, 'both before they served');
  t.notOk(workersOf(triangle).some((pid) => killed.has(pid)));
});
