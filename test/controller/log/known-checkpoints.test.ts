/** P35: what others say that they keep decides whether the log may go on, and who opens another names what was lost. */
import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { silentLog } from '#shared/base/log.ts';
import { isConsistent } from '#shared/log/check-tree.ts';
import { openCheckpoint } from '#shared/log/checkpoint.ts';
import { openOpenedLog } from '#shared/log/opened-log.ts';
import { KnownCheckpoints, knownBy } from '../../../controller/log/known/known-checkpoints.ts';
import { readKnown } from '../../../controller/log/known/read-known.ts';
import { LogKeeper } from '../../../controller/log/log-keeper.ts';
import { type Also, openNewLog, resumeLog } from '../../../controller/log/reopen-log.ts';
import { openStore } from '../../../controller/store/open-store.ts';
import {
  type LogWorld,
  logOrigin as log,
  makeLogWorld,
  logTrustDomain as trustDomain,
} from '../../support/log-world.ts';
import { makeShownLog, someEntries } from '../../support/shown-log.ts';
import { storedRecords } from '../../support/stored-records.ts';

const clock = { now: () => 1_000_000 };
const gateway = knownBy('gw-1');
const nothing: Also = async () => {};

async function at(world: Pick<LogWorld, 'store'>, keeper: LogKeeper) {
  const { db } = world.store;
  const known = new KnownCheckpoints({ db, keeper, clock, log: silentLog });
  return { db, keeper, known };
}

async function world(t: Test) {
  const made = await makeLogWorld(t);
  await made.append(20);
  const keeper = await made.open();
  const early = (await keeper.settle()).checkpoint;
  return { ...made, ...(await at(made, keeper)), early };
}
type World = Awaited<ReturnType<typeof world>>;

/** The database of this moment, in a directory of its own, as whoever puts it back has it. */
async function copyOf(t: Test, { dir, file, store, sealer }: World) {
  await store.forget();
  const other = join(dir, 'copy');
  mkdirSync(other);
  copyFileSync(file, join(other, 'copy.db'));
  const copy = await openStore(join(other, 'copy.db'));
  t.teardown(() => copy.stop());
  return async () => {
    const parts = { db: copy.db, sealer, clock, log: silentLog, dir: other, trustDomain, everyMs: 0 };
    const keeper = await LogKeeper.open(parts);
    t.teardown(() => keeper.stop());
    return { ...(await at({ store: copy }, keeper)), dir: other };
  };
}

async function addGateway({ db }: Pick<World, 'db'>, id: string): Promise<void> {
  await db
    .insertInto('sites')
    .values({ id: 'main', name: 'Main' })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  await db
    .insertInto('gateways')
    .values({ id, site: 'main', address: '127.0.0.1:1', state: 'active', through: 0 } as never)
    .execute();
}

t.test('P35 who keeps what the log goes on from gets the proof of it', async (t) => {
  const { known, append, keeper, keys, early, db } = await world(t);
  await append(300);
  await keeper.settle();
  const { checkpoint, path, opened, held } = await known.answer(gateway, log, early);
  t.same([opened, held], [[], undefined]);
  const [before, now] = [early, checkpoint!].map(async (note) => openCheckpoint(note, { log: await keys() }));
  const proof = path.map((hash) => Buffer.from(hash, 'base64'));
  t.ok(isConsistent(await before!, await now!, proof));
  t.equal((await now!).size, 320);
  t.match(await readKnown(db), [{ source: gateway, origin: log, size: 20, verdict: 'past', note: early }]);
  t.match(await known.answer(gateway, log, undefined), { checkpoint, path: [] }, 'and who keeps nothing, without');
});

t.test('P35 junk is refused, and what nobody signed here holds nothing', async (t) => {
  const { known, keeper, db } = await world(t);
  await t.rejects(known.answer(gateway, log, 'junk'), { code: 'proof-refused' });
  const forged = makeShownLog(log, someEntries(900)).checkpoint(900);
  t.ok((await known.answer(gateway, log, forged)).checkpoint);
  t.match(await readKnown(db), [{ verdict: 'foreign', size: 900 }]);
  t.equal((await keeper.state()).held, null);
});

t.test('P35 a database that was put back by hand signs nothing once somebody keeps what it lost', async (t) => {
  const full = await world(t);
  const open = await copyOf(t, full);
  await full.append(5);
  const late = (await full.keeper.settle()).checkpoint;
  const copy = await open();
  // It goes on by itself as if nothing were missing.
  const forked = (await copy.keeper.settle()).checkpoint;
  t.match(await copy.known.answer(gateway, log, full.early), { checkpoint: forked, held: undefined });
  const shown = await copy.known.answer(gateway, log, late);
  t.match(shown, { held: 'contradicted', checkpoint: forked, path: [] }, 'it hides nothing from who can prove it');
  await t.rejects(copy.keeper.settle(), { code: 'log-held' });
  const alarms = (await storedRecords(copy.db)).filter(({ event }) => event === 'log-contradicted');
  t.match(alarms, [
    { kind: 'log', details: { source: gateway, verdict: 'beyond', known: { size: 25 }, own: { size: 20 } } },
  ]);
  await copy.known.answer(knownBy('gw-2'), log, late);
  t.equal((await storedRecords(copy.db)).filter(({ event }) => event === 'log-contradicted').length, 1, 'told once');
  await t.rejects(
    resumeLog(copy.db, { checkpoint: full.early }, nothing),
    /gateway\/gw-1/,
    'an older one helps nothing',
  );
  await t.rejects(resumeLog(copy.db, {}, nothing), { code: 'log-held' });
});

t.test('P35 the same when it went on and has more leaves than what is kept', async (t) => {
  const full = await world(t);
  const open = await copyOf(t, full);
  await full.append(5);
  const late = (await full.keeper.settle()).checkpoint;
  const copy = await open();
  const { db } = copy;
  await db.updateTable('records').set({ leaf: '{}' }).where('position', '=', 3).execute();
  await db.deleteFrom('log_leaves').execute();
  const empty = { size: 0, root: '', edge: '', position: 0, checkpoint: null, signed_size: 0 };
  await db.updateTable('log_state').set(empty).execute();
  await copy.keeper.settle();
  t.match(await copy.known.answer(gateway, log, full.early), { held: 'contradicted', path: [] });
  t.match(await readKnown(db), [{ verdict: 'forked', size: 20 }]);
  t.match(await copy.known.answer(gateway, log, late), { held: 'contradicted' });
});

t.test('P35 without a checkpoint of the owner every gateway must tell before the log goes on', async (t) => {
  const { db, known, keeper, early, append } = await world(t);
  await addGateway({ db }, 'gw-1');
  await addGateway({ db }, 'gw-2');
  await db.updateTable('log_state').set({ held: 'restored' }).execute();
  await append(1);
  await t.rejects(resumeLog(db, {}, nothing), /gw-1, gw-2/);
  t.match(
    await known.answer(gateway, log, early),
    { held: 'restored', checkpoint: undefined },
    'a backup is shown to nobody',
  );
  await t.rejects(resumeLog(db, {}, nothing), /told which checkpoint they keep: gw-2/);
  await known.answer(knownBy('gw-2'), log, undefined);
  let told: unknown;
  await resumeLog(db, {}, async (_trx, _former, by) => {
    told = by?.size;
  });
  t.equal(told, 20, 'by what gateways keep');
  t.equal((await keeper.settle()).size, 21);
});

t.test('P35 where nobody keeps anything the owner must', async (t) => {
  const { db, early } = await world(t);
  await db.updateTable('log_state').set({ held: 'restored' }).execute();
  await t.rejects(resumeLog(db, {}, nothing), /Nobody is known/);
  await resumeLog(db, { checkpoint: early }, nothing);
});

t.test(
  'P35 another log is declared under the former key, names what was lost, and has a number of its own',
  async (t) => {
    const full = await world(t);
    const open = await copyOf(t, full);
    await full.append(5);
    const late = (await full.keeper.settle()).checkpoint;
    const copy = await open();
    const { db, known, keeper, dir } = copy;
    await db.updateTable('log_state').set({ held: 'restored' }).execute();
    await known.answer(gateway, log, late);
    await t.rejects(resumeLog(db, {}, nothing), { code: 'log-held' });
    // Of a log that was opened after the backup: its number is not given again.
    const forgotten = makeShownLog(`${trustDomain}/log/4`, someEntries(3));
    await known.answer(knownBy('gw-2'), forgotten.origin, forgotten.checkpoint(3));
    await t.rejects(resumeLog(db, { checkpoint: full.early }, nothing), { code: 'log-held' });
    let named: unknown;
    await openNewLog(db, { trustDomain, sealer: full.sealer, dir, at: 5 }, async (_trx, former, by) => {
      named = [former.origin, former.size, by?.size];
    });
    known.forget();
    await keeper.reopen();
    t.same(named, [log, 20, 25]);
    const { origin, checkpoint } = await keeper.settle();
    t.equal(origin, `${trustDomain}/log/5`);
    const shown = await known.answer(gateway, log, late);
    const opened = openOpenedLog(shown.opened[0]!, await full.keys());
    t.match(opened, { key: { name: origin }, former: { origin: log, size: 20 }, known: { size: 25 } });
    t.equal(shown.checkpoint, checkpoint);
    t.match(openCheckpoint(checkpoint, { log: [opened.key] }), { origin });
    t.match(await readKnown(db), [{ verdict: 'former' }], 'which contradicts nothing any more');
    t.same((await known.answer(gateway, origin, checkpoint)).opened, [], 'who follows it is told no more of that');
  },
);
