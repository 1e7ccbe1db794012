/** Witnesses: their signatures are on what is served, proved and exported, whatever size they signed last; a restore asks them first. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sql } from 'kysely';
import t, { type Test } from 'tap';
import { openCheckpoint } from '#shared/log/checkpoint.ts';
import { parseNoteKey } from '#shared/log/note-key.ts';
import { readLogState } from '../../../controller/log/log-state.ts';
import { servedCheckpoint } from '../../../controller/log-anchors/cosigned.ts';
import { untilItWorks } from '../../../deploy/quickstart/clients.ts';
import { startWitness, type TestWitness } from '../../support/test-witness.ts';
import { runController } from '../support/run-controller.ts';
import { type Result, shellOf } from '../support/run-ctl.ts';

const origin = 'test.example/log/1';

async function world(t: Test) {
  const controller = await runController(t);
  const admin = controller.as({ reason: 'test' });
  const { key } = (await admin.logHead()).keys[0]!;
  const dir = t.testdir();
  const ctl = shellOf(controller);
  const add = async (name: string, witness: TestWitness) => {
    witness.trust(key);
    await admin.addLogAnchor({
      body: { name, kind: 'witness', url: witness.url, plain: true, witnessKey: witness.key },
    });
  };
  const until = (name: string, what: 'stands' | 'fails') =>
    untilItWorks(async () => {
      const { items } = await admin.logAnchors();
      const one = items.find((item) => item.name === name)!;
      if (what === 'stands' ? one.size === 0 || one.trouble !== undefined : one.trouble === undefined)
        throw new Error(JSON.stringify(one));
      return one;
    });
  return { controller, admin, key, dir, ctl, add, until };
}

/** The standalone verifier and `posternctl`, of one proof. */
async function checkProof(
  ctl: (args: readonly string[]) => Promise<Result>,
  file: string,
  key: string,
  witnesses: readonly string[],
) {
  return ctl(['log', 'check-proof', file, '--key', key, ...witnesses.flatMap((one) => ['--witness', one])]);
}

t.test('two witnesses sign what is proved, exported and verified; each can be demanded', async (t) => {
  const { admin, key, dir, ctl, add, until } = await world(t);
  const [one, two] = [await startWitness(t, 'witness.example/w1'), await startWitness(t, 'witness.example/w2')];
  await add('one', one);
  await add('two', two);
  await until('one', 'stands');
  await until('two', 'stands');
  const { records } = await admin.records({ query: {} });
  const file = join(dir, 'proof');
  t.match(await ctl(['log', 'prove', records[0]!.id, '--out', file]), { code: 0 });
  t.match(await checkProof(ctl, file, key, [one.key, two.key]), { code: 0 });
  const third = await startWitness(t, 'witness.example/w3');
  t.match(await checkProof(ctl, file, key, [one.key, third.key]), { code: 1, err: /w3 has not signed/ });
  t.match(await ctl(['log', 'verify', '--key', key, '--witness', one.key, '--witness', two.key]), { code: 0 });
  t.match(await ctl(['log', 'verify', '--key', key, '--witness', third.key]), { code: 1, out: /w3 has not signed/ });
  const files = join(dir, 'files');
  t.match(await ctl(['log', 'snapshot', files]), { code: 0 });
  t.match(await ctl(['log', 'verify', '--files', files, '--key', key, '--witness', two.key]), { code: 0 });
  t.match(await ctl(['log', 'verify', '--files', files, '--key', key, '--witness', third.key]), { code: 1 });

  two.failing = 503;
  await admin.putPerson({ params: { id: 'more' }, body: {} });
  const later = join(dir, 'later');
  const { records: all } = await admin.records({ query: {} });
  t.match(await ctl(['log', 'prove', all[0]!.id, '--out', later]), { code: 0 }, 'one that is away holds up nothing');
  t.match(await checkProof(ctl, later, key, [one.key]), { code: 0 });
  t.match(await checkProof(ctl, later, key, [two.key]), { code: 1, err: /w2 has not signed/ });
  await until('two', 'fails');
  t.match(await checkProof(ctl, file, key, [one.key, two.key]), { code: 0 }, 'the older proof is as good as ever');
  t.equal(one.signed.get(origin)!.size, openCheckpoint(readNote(later), { log: [parseNoteKey(key)] }).size);
});

t.test('of a bundle the records and the manifest must have been signed', async (t) => {
  const { key, dir, ctl, add, until } = await world(t);
  const witness = await startWitness(t);
  await add('one', witness);
  await until('one', 'stands');
  const out = join(dir, 'evidence');
  t.match(await ctl(['report', 'bundle', '--from', '2d', '--out', out]), { code: 0 });
  const check = ['log', 'check-proof', out, '--key', key];
  t.match(await ctl([...check, '--witness', witness.key]), { code: 0, out: /^Holds/ });
  // As an operator would seal it whose log no witness sees any more.
  const seal = join(out, 'manifest.tlog-proof');
  const name = witness.key.slice(0, witness.key.indexOf('+'));
  writeFileSync(
    seal,
    readFileSync(seal, 'utf8')
      .split('\n')
      .filter((line) => !line.startsWith(`\u2014 ${name} `))
      .join('\n'),
  );
  t.match(await ctl(check), { code: 0 });
  t.match(await ctl([...check, '--witness', witness.key]), {
    code: 1,
    err: /"manifest\.tlog-proof": the witness .* has not signed/,
  });
});

t.test('a database that keeps no line of a witness stops neither a proof nor the controller', async (t) => {
  const { controller, admin, key, dir, ctl, add, until } = await world(t);
  const noRoom = sql`CREATE TRIGGER no_room BEFORE INSERT ON log_cosigned BEGIN SELECT RAISE(ABORT, 'no room'); END`;
  await noRoom.execute(controller.store.db);
  const witness = await startWitness(t);
  await add('one', witness);
  await until('one', 'stands');
  const { records } = await admin.records({ query: {} });
  const file = join(dir, 'proof');
  t.match(await ctl(['log', 'prove', records[0]!.id, '--out', file]), { code: 0 });
  t.match(await checkProof(ctl, file, key, [witness.key]), { code: 0 });
});

const readNote = (file: string): string => {
  const text = readFileSync(file, 'utf8');
  return text.slice(text.indexOf('\n\n') + 2);
};

t.test('what the witness signed last is found out when it is not what we remember', async (t) => {
  const { admin, add, until } = await world(t);
  const witness = await startWitness(t);
  await add('one', witness);
  await until('one', 'stands');
  await admin.removeLogAnchor({ params: { name: 'one' } });
  await admin.putPerson({ params: { id: 'more' }, body: {} });
  await add('again', witness);
  await until('again', 'stands');
  t.match(witness.answers, [200, 409, 200]);
});

t.test('a witness that does not know the log, or has another key of it, is told apart', async (t) => {
  const { admin, until } = await world(t);
  const witness = await startWitness(t);
  const body = { kind: 'witness', url: witness.url, plain: true, witnessKey: witness.key } as const;
  await admin.addLogAnchor({ body: { name: 'unknown', ...body } });
  t.match(await until('unknown', 'fails'), { trouble: { why: /give it the key of test.example\/log\/1/ } });
  witness.trust((await world(t)).key);
  const { why } = await admin.tryLogAnchor({ params: { name: 'unknown' } });
  t.match(why, /another key/);
});

t.test('the world is served the one that witnesses signed, while they do', async (t) => {
  const { controller, admin, key, add, until } = await world(t);
  const witness = await startWitness(t);
  await add('one', witness);
  await until('one', 'stands');
  const { witnessed = '' } = await admin.logHead();
  const keys = { log: [parseNoteKey(key)], witnesses: [parseNoteKey(witness.key)] };
  t.equal(openCheckpoint(witnessed, keys).signedBy.length, 2);
  const { db } = controller.store;
  t.equal(await servedCheckpoint(db, await readLogState(db), controller.clock.now()), witnessed);
  const later = controller.clock.now() + 11 * 60_000;
  const state = await readLogState(db);
  t.equal(await servedCheckpoint(db, state, later), state.checkpoint, 'while witnesses are away, without them');
});
