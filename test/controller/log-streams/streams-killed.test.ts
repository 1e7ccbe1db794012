/** `kill -9` of the controller while it streams: nothing is lost, and what comes twice has the same id. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Test } from 'tap';
import t from 'tap';
import { adminContract } from '#shared/contracts/admin-to-controller.ts';
import { callContract } from '#shared/wire/call-contract.ts';
import { makeUnixDispatcher } from '#shared/wire/make-dispatcher.ts';
import { databaseName } from '../../../controller/init.ts';
import { recordRow } from '../../../controller/log/record-row.ts';
import { openStore } from '../../../controller/store/open-store.ts';
import { nastyRecords } from '../../support/nasty-records.ts';
import { startReceiver } from '../../support/siem-receivers.ts';
import { root } from '../../support/source-tree.ts';
import { testClock } from '../support/open-controller.ts';
import { initTestDirectory } from '../support/run-controller.ts';

async function startProcess(t: Test, dir: string) {
  const ports = {
    POSTERN_LISTEN_HOST: '127.0.0.1',
    POSTERN_LISTEN_MUTUAL: '0',
    POSTERN_LISTEN_BOOTSTRAP: '0',
    POSTERN_METRICS_ENABLED: 'false',
    POSTERN_LOG_LEVEL: 'warn',
  };
  // It ends with this process: the shell kills it when its standard input ends.
  const script = '"$@" & p=$!; cat >/dev/null; kill -9 $p 2>/dev/null; wait';
  const program = [process.execPath, 'controller/main.ts', 'run', '--json', '--dir', dir];
  const env = { ...process.env, ...ports };
  const child = spawn('/bin/sh', ['-c', script, 'sh', ...program], {
    cwd: root,
    env,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const exit = once(child, 'exit');
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
  const kill = async () => {
    child.stdin.end();
    await exit;
  };
  t.teardown(kill);
  return { adminSocket: (JSON.parse(line) as { adminSocket: string }).adminSocket, kill };
}

t.test(
  'killed at moments of its deliveries, a controller goes on with what had not arrived',
  { timeout: 240_000 },
  async (t) => {
    const { dir } = await initTestDirectory(t, testClock());
    const store = await openStore(`${dir}/${databaseName}`);
    t.teardown(() => store.stop());
    const elastic = await startReceiver(t, 'elasticsearch');
    const splunk = await startReceiver(t, 'splunk');
    let running = await startProcess(t, dir);
    const dispatcher = makeUnixDispatcher(running.adminSocket);
    t.teardown(() => dispatcher.destroy());
    const headers = () => ({ 'postern-reason': 'test' });
    const admin = callContract(adminContract, { dispatcher, origin: 'http://controller', timeoutMs: 60_000, headers });
    const plain = { plain: true, since: 0 } as const;
    await admin.addLogStream({
      body: { name: 'elastic', kind: 'elasticsearch', url: elastic.url, index: 'postern', ...plain },
    });
    await admin.addLogStream({ body: { name: 'splunk', kind: 'splunk', url: splunk.url, token: 'x', ...plain } });
    for (let round = 1; round <= 5; round++) {
      const records = nastyRecords(700, round);
      await store.db.transaction().execute(async (trx) => {
        for (const record of records)
          await trx
            .insertInto('records')
            .values(recordRow({ ...record, person: 'ann' }))
            .execute();
      });
      // In the middle of them: one batch has come, the next is on its way.
      await splunk.until(() => records.some(({ id }) => splunk.taken.has(id)), 'the first of them');
      await running.kill();
      running = await startProcess(t, dir);
    }
    const ids = (await store.db.selectFrom('records').select('id').execute()).map(({ id }) => id);
    t.ok(ids.length > 3500);
    for (const receiver of [elastic, splunk]) {
      await receiver.until(() => ids.every((id) => receiver.taken.has(id)), 'all of them');
      t.same(receiver.wrong, []);
    }
    const doubles = [...splunk.taken.values()].filter((count) => count > 1).length;
    t.comment(`${ids.length} records; ${doubles} came to Splunk more than once, each under its id`);
  },
);
