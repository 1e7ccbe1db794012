/** P35: after a restore nothing is signed until the log is shown to go on from what was signed, or another one names it. */
import { copyFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { openCheckpoint } from '#shared/log/checkpoint.ts';
import { parseNoteKey } from '#shared/log/note-key.ts';
import { databaseName } from '../../../controller/init.ts';
import { restoreBackup } from '../../../controller/restore.ts';
import { startController } from '../../../controller/wiring.ts';
import { silentLog } from '../../../shared/base/log.ts';
import { type RunController, runController } from '../support/run-controller.ts';

/** Stops, puts back `from` or the database as it stopped, and starts again. Returns the newest checkpoint from before. */
async function restored(t: Test, { dir, clock, config, store, stop }: RunController, from?: string): Promise<string> {
  await store.stop();
  await stop();
  const newest = readFileSync(join(dir, 'log/1/checkpoint'), 'utf8');
  const last = join(dir, 'last.db');
  copyFileSync(join(dir, databaseName), last);
  await restoreBackup({ dir, from: from ?? last, env: {}, clock, log: silentLog });
  const again = await startController(config, { clock, log: silentLog, env: {} });
  t.teardown(() => again.stop());
  return newest;
}

t.test('P35 a checkpoint that the restored log goes on from lets it sign again', async (t) => {
  const controller = await runController(t);
  const shell = controller.as({ reason: 'test' });
  const early = (await shell.logHead()).checkpoint;
  const newest = await restored(t, controller);
  t.match(await shell.logHead(), { held: 'restored', number: 1 });
  const { records } = await shell.records({ query: {} });
  await t.rejects(shell.proveRecord({ params: { id: records[0]!.id } }), { code: 'log-held' });
  t.ok(early === undefined || sizeOf(early) <= sizeOf(newest));
  await t.rejects(shell.resumeLog({ body: { checkpoint: 'nonsense' } }), { code: 'proof-refused' });
  t.match(await shell.resumeLog({ body: { checkpoint: newest } }), { number: 1, held: undefined });
  await t.rejects(shell.resumeLog({ body: { checkpoint: newest } }), { code: 'conflict' });
  t.ok(await shell.proveRecord({ params: { id: records[0]!.id } }), 'and the rest follows');
  const { path } = await shell.proveGrowth({ query: { from: sizeOf(newest), to: (await shell.logHead()).size } });
  t.ok(path.length > 0);
});

t.test('P35 a log that lost what was signed is opened anew, and names the one before it', async (t) => {
  const controller = await runController(t);
  const shell = controller.as({ reason: 'test' });
  const from = join(t.testdir(), 'backup.db');
  await shell.backup({ body: { file: from } });
  await shell.putPerson({ params: { id: 'later' }, body: {} });
  const newest = await restored(t, controller, from);
  await t.rejects(shell.resumeLog({ body: { checkpoint: newest } }), { code: 'log-held' }, 'some of it is lost');
  t.match(await shell.logHead(), { held: 'restored' }, 'it waits on');
  const head = await shell.openNewLog({ body: { checkpoint: newest } });
  t.match(head, { number: 2, origin: 'test.example/log/2' });
  const { records } = await shell.records({ query: { kind: 'log' } });
  const opened = records.find(({ event }) => event === 'log-opened')!;
  t.match(opened.details, {
    former: { origin: 'test.example/log/1' },
    known: { origin: 'test.example/log/1', size: sizeOf(newest) },
  });
  const proof = await shell.proveRecord({ params: { id: opened.id } });
  const keys = (await shell.logHead()).keys;
  t.match(keys, [{ current: false }, { current: true }]);
  const own = parseNoteKey(keys[1]!.key);
  t.match(openCheckpoint(proof.checkpoint, { log: [own] }), { origin: 'test.example/log/2' });
  t.throws(() => openCheckpoint(newest, { log: [own] }), { code: 'proof-refused' }, 'a key of its own');
  const folder = join(controller.dir, 'log/2/checkpoint');
  t.match(readFileSync(folder, 'utf8'), /^test\.example\/log\/2\n/);
});

const sizeOf = (checkpoint: string): number => Number(checkpoint.split('\n')[1]);
