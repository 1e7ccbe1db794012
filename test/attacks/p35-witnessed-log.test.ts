/** P35: a log that was rewritten, or put back, finds out what its witnesses have signed. */
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { databaseName } from '../../controller/init.ts';
import { restoreBackup } from '../../controller/restore.ts';
import { startController } from '../../controller/wiring.ts';
import { untilItWorks } from '../../deploy/quickstart/clients.ts';
import { minute } from '../../shared/base/clock.ts';
import { silentLog } from '../../shared/base/log.ts';
import { runController } from '../controller/support/run-controller.ts';
import { shellOf } from '../controller/support/run-ctl.ts';
import { rewriteLog } from '../support/log-processes.ts';
import { startWitness } from '../support/test-witness.ts';

async function world(t: Test) {
  const controller = await runController(t);
  const admin = controller.as({ reason: 'test' });
  const witness = await startWitness(t);
  witness.trust((await admin.logHead()).keys[0]!.key);
  await admin.addLogAnchor({
    body: { name: 'w1', kind: 'witness', url: witness.url, plain: true, witnessKey: witness.key },
  });
  const signs = () =>
    untilItWorks(async () => {
      const { error } = await admin.tryLogAnchor({ params: { name: 'w1' } }).then(
        ({ why }) => ({ error: why }),
        (error: Error) => ({ error: error.message }),
      );
      if (error !== undefined) throw new Error(error);
    });
  await signs();
  const again = async () => {
    const running = await startController(controller.config, { clock: controller.clock, log: silentLog, env: {} });
    t.teardown(() => running.stop());
  };
  return { controller, admin, witness, signs, again, ctl: shellOf(controller) };
}

t.test('P35 a witness signs no log that was rewritten with the real key: an alarm at its next turn', async (t) => {
  const { controller, admin, witness, again } = await world(t);
  await controller.store.stop();
  await controller.stop();
  const before = witness.answers.length;
  rewriteLog(controller.dir);
  // Its turn comes by the pace of the witness, which outlasts a restart.
  controller.clock.advance(2 * minute);
  await again();
  const { records } = await untilItWorks(async () => {
    const found = await admin.records({ query: { kind: 'log' } });
    if (!found.records.some(({ event }) => event === 'anchor-failing')) throw new Error('not told yet');
    return found;
  });
  t.match(
    records.find(({ event }) => event === 'anchor-failing'),
    { details: { anchor: 'w1', why: /has signed a checkpoint of|does not find that the log goes on/ } },
  );
  t.notOk(witness.answers.slice(before).includes(200));
  t.equal((await admin.logHead()).witnessed, undefined);
});

t.test('P35 after a restore that lost what a witness signed, the log does not go on', async (t) => {
  const { controller, admin, witness, signs, again, ctl } = await world(t);
  const from = join(t.testdir(), 'backup.db');
  await admin.backup({ body: { file: from } });
  const early = (await admin.logHead()).checkpoint!;
  await admin.putPerson({ params: { id: 'later' }, body: {} });
  await signs();
  await controller.store.stop();
  await controller.stop();
  await restoreBackup({ dir: controller.dir, from, env: {}, clock: controller.clock, log: silentLog });
  await again();
  const held = { code: 'log-held', message: /w1: it has signed a checkpoint of/ };
  await t.rejects(admin.resumeLog({ body: {} }), held);
  await t.rejects(admin.resumeLog({ body: { checkpoint: early } }), held, 'whatever the owner has');
  witness.failing = 503;
  await t.rejects(admin.resumeLog({ body: {} }), { code: 'log-held', message: /w1/ }, 'nor while it does not answer');
  witness.failing = undefined;
  t.match(await ctl(['log', 'resume', '--reason', 'test']), { code: 1 });
  t.match(await ctl(['log', 'new', '--reason', 'test']), { code: 0 });
});

t.test('P35 after a restore that lost nothing it does', async (t) => {
  const { controller, admin, signs, again } = await world(t);
  await signs();
  await controller.store.stop();
  await controller.stop();
  const from = join(controller.dir, 'last.db');
  copyFileSync(join(controller.dir, databaseName), from);
  await restoreBackup({ dir: controller.dir, from, env: {}, clock: controller.clock, log: silentLog });
  await again();
  t.match(await admin.logHead(), { held: 'restored' });
  t.match(await admin.resumeLog({ body: {} }), { held: undefined }, 'by the word of the witness alone');
  await signs();
});
