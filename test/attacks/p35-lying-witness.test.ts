/** P35: what a witness answers spoils neither checkpoints nor proofs nor what other witnesses signed, and holds nobody up. */
import { setTimeout } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { minute } from '#shared/base/clock.ts';
import { silentLog } from '#shared/base/log.ts';
import { openCheckpoint } from '#shared/log/checkpoint.ts';
import { parseNoteKey } from '#shared/log/note-key.ts';
import { parseNote } from '#shared/log/signed-note.ts';
import { openSealer } from '../../controller/authority/master-key.ts';
import { readLogState } from '../../controller/log/log-state.ts';
import { TileStore } from '../../controller/log/tile-store.ts';
import { LogAnchors } from '../../controller/log-anchors/log-anchors.ts';
import { untilItWorks } from '../../deploy/quickstart/clients.ts';
import { runController } from '../controller/support/run-controller.ts';
import { startWitness, type TestWitness } from '../support/test-witness.ts';

async function world(t: Test, count: number) {
  const controller = await runController(t);
  const admin = controller.as({ reason: 'test' });
  await untilItWorks(async () => {
    if ((await admin.logHead()).checkpoint === undefined) throw new Error('nothing is signed yet');
  });
  const log = [parseNoteKey((await admin.logHead()).keys[0]!.key)];
  const witnesses = await Promise.all(
    Array.from({ length: count }, (_, at) => startWitness(t, `witness.example/w${at + 1}`)),
  );
  for (const witness of witnesses) witness.trust((await admin.logHead()).keys[0]!.key);
  const add = (witness: TestWitness, name: string) =>
    admin.addLogAnchor({
      body: { name, kind: 'witness', url: witness.url, plain: true, witnessKey: witness.key, everySeconds: 1 },
    });
  const keys = witnesses.map(({ key }) => parseNoteKey(key));
  /** Who signed the note that readers get. */
  const signers = async () => {
    const { witnessed } = await admin.logHead();
    if (witnessed === undefined) throw new Error('nobody signed yet');
    return openCheckpoint(witnessed, { log, witnesses: keys }).signedBy.map(({ key }) => key.name);
  };
  return { controller, admin, log, keys, witnesses, add, signers };
}

const now = () => Math.floor(Date.now() / 1000);

t.test('P35 a witness that signs a hundred times does not make a note that nobody reads', async (t) => {
  const { admin, witnesses, add, signers, log, keys } = await world(t, 2);
  const [bad, good] = witnesses as [TestWitness, TestWitness];
  bad.lies = (line) => Array.from({ length: 63 }, (_, at) => line(now() - at)).join('');
  await add(bad, 'w1');
  await add(good, 'w2');
  const ids = (await admin.records({ query: { kind: 'log', limit: 1 } })).records.map(({ id }) => id);
  await untilItWorks(async () => {
    if (new Set(await signers()).size < 3) throw new Error('not by both');
  });
  const { checkpoint } = await admin.proveRecord({ params: { id: ids[0] ?? '' } });
  const { signatures } = parseNote(checkpoint);
  t.equal(signatures.length, 3, 'a line of the log and one of each witness');
  t.equal(openCheckpoint(checkpoint, { log, witnesses: keys }).signedBy.length, 3);
});

t.test('P35 a witness that signs later than others takes their signatures off no note', async (t) => {
  const { controller, witnesses, add, signers } = await world(t, 2);
  const [late, early] = witnesses as [TestWitness, TestWitness];
  late.failing = 503;
  await add(late, 'w1');
  await add(early, 'w2');
  await untilItWorks(async () => {
    if (!(await signers()).includes('witness.example/w2') || late.answers.length === 0) throw new Error('not yet');
  });
  late.failing = undefined;
  controller.clock.advance(2 * minute);
  await untilItWorks(async () => {
    if (!(await signers()).includes('witness.example/w1')) throw new Error('not yet');
  });
  t.same((await signers()).sort(), ['test.example/log/1', 'witness.example/w1', 'witness.example/w2']);
});

t.test('P35 a witness that never answers holds up no proof for longer than it may', async (t) => {
  const { controller, witnesses, add } = await world(t, 2);
  const [silent, good] = witnesses as [TestWitness, TestWitness];
  const { promise, resolve } = Promise.withResolvers<void>();
  silent.slow = promise;
  t.teardown(resolve);
  await add(good, 'w2');
  await add(silent, 'w1');
  const { db } = controller.store;
  const sealer = openSealer({ dir: controller.dir, env: {}, create: false });
  const keeper = { state: () => readLogState(db), tiles: new TileStore(db, controller.dir) };
  const known = { take: async () => undefined };
  const { clock, dir } = controller;
  const anchors = await LogAnchors.open({
    ...{ db, sealer, clock, log: silentLog, dir, keeper, known },
    everyMs: 0,
    cosignMs: 500,
  });
  t.teardown(() => anchors.stop());
  // It is asked in the background, for a minute.
  await anchors.look();
  const { checkpoint } = await keeper.state();
  const asked = anchors.witnessed(checkpoint!).then((note) => parseNote(note).signatures.map(({ name }) => name));
  // Without an end of it this would be the silent one's minute.
  const first = await Promise.race([asked, setTimeout(20_000, 'held up', { ref: false })]);
  t.same(first, ['test.example/log/1', 'witness.example/w2']);
});
