/** Whatever is done to the database or to a tile, `verify` names the place; a log that is whole has no fault. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import t from 'tap';
import type { LogVerdict } from '#shared/contracts/admin-proofs.ts';
import { isConsistent } from '#shared/log/check-tree.ts';
import { openCheckpoint } from '#shared/log/checkpoint.ts';
import { tilePath } from '#shared/log/tile-path.ts';
import { readLogKeys } from '../../../controller/authority/log-keys.ts';
import { databaseName } from '../../../controller/init.ts';
import { LogKeeper, logFolder } from '../../../controller/log/log-keeper.ts';
import { readLogState } from '../../../controller/log/log-state.ts';
import { comparedColumns } from '../../../controller/log/verify/check-row.ts';
import { verifyLog } from '../../../controller/log/verify/verify-log.ts';
import { openStore } from '../../../controller/store/open-store.ts';
import { silentLog } from '../../../shared/base/log.ts';
import { logTrustDomain, makeLogWorld } from '../../support/log-world.ts';

const count = 700;

const world = await makeLogWorld(t);
await world.append(count);
const keeper = await world.open();
await keeper.settle();
const rows = await world.store.db.selectFrom('records').selectAll().orderBy('position').execute();
await world.store.forget();

type Expected = Readonly<Record<string, unknown>>;

interface Tampered {
  readonly db: DatabaseSync;
  readonly tiles: string;
}

/** A copy of the whole directory, tampered with, verified. */
async function verifyAfter(tamper: (copy: Tampered) => void): Promise<LogVerdict> {
  const dir = mkdtempSync(join(tmpdir(), 'postern-verify-'));
  try {
    cpSync(world.dir, dir, { recursive: true });
    const tiles = logFolder(dir, 1);
    const db = new DatabaseSync(join(dir, databaseName));
    tamper({ db, tiles });
    db.close();
    const store = await openStore(join(dir, databaseName));
    const state = await readLogState(store.db);
    const keys = (await readLogKeys(store.db)).map(({ key }) => key);
    const verdict = await verifyLog({
      db: store.db,
      file: join(dir, databaseName),
      dir: tiles,
      state,
      keys,
      threads: 1,
    });
    await store.stop();
    return verdict;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

const set = (column: string, position: number, value: string | number | null) => (copy: Tampered) =>
  void copy.db.prepare(`UPDATE records SET "${column}" = ? WHERE position = ?`).run(value, position);
const at = (leaf: number) => rows[leaf]!;
const named = (leaf: number, what: RegExp) => ({ leaf, record: at(leaf).id, what });

t.test('a log that is whole', async (t) => {
  const verdict = await verifyAfter(() => {});
  t.same(verdict.faults, []);
  t.match(verdict, { size: count, pruned: 0, erased: 0, more: 0 });
});

t.test('a record changed, removed, inserted or swapped', async (t) => {
  const cases: Readonly<Record<string, [(copy: Tampered) => void, Expected[]]>> = {
    'the leaf': [
      set('leaf', 301, at(300).leaf.replace('"allow"', '"deny"').replace('"payroll"', '"wiki"')),
      [named(300, /not the one that was written/)],
    ],
    'one disclosure': [
      set('disclosures', 6, at(5).disclosures.replace('because 6', 'because 7')),
      [named(5, /^because is not what was written/)],
    ],
    'a disclosure of another record': [set('disclosures', 6, at(6).disclosures), [named(5, /is not what was written/)]],
    'a column of the record': [set('verdict', 256, 'none'), [named(255, /^column verdict /)]],
    'a column that is personal': [set('person_id', 257, 'mallory'), [named(256, /^column person_id /)]],
    'a column that was emptied': [set('path', 700, null), [named(699, /^column path /)]],
    'a place in a spool': [set('spool', 9, 'spl_x'), [named(8, /spool/)]],
    'a record removed': [
      ({ db }) => void db.exec('DELETE FROM records WHERE position = 400'),
      [{ leaf: 399, what: /gone/ }],
    ],
    'a record removed with its leaf': [
      ({ db }) => {
        db.exec('DELETE FROM records WHERE position = 400');
        db.exec('DELETE FROM log_leaves WHERE position = 400');
      },
      [{ leaf: 399, what: /gone/ }],
    ],
    'the last record removed with its leaf': [
      ({ db }) => void db.exec('DELETE FROM records WHERE position = 700; DELETE FROM log_leaves WHERE position = 700'),
      [{ leaf: 699, what: /gone/ }],
    ],
    'a record inserted': [
      ({ db }) => {
        db.exec('UPDATE log_state SET position = position + 1');
        const names = Object.keys(at(3)).map((name) => `"${name}"`);
        const marks = names.map(() => '?').join(',');
        const values = Object.values({ ...at(3), position: 701, id: 'rec_stranger0000000000' });
        db.prepare(`INSERT INTO records (${names.join(',')}) VALUES (${marks})`).run(...values);
      },
      [{ record: 'rec_stranger0000000000', what: /no place in the log/ }],
    ],
    'two records swapped': [
      ({ db }) => {
        db.exec('UPDATE records SET position = -1 WHERE position = 20');
        db.exec('UPDATE records SET position = 20 WHERE position = 600');
        db.exec('UPDATE records SET position = 600 WHERE position = -1');
      },
      [
        { leaf: 19, record: at(599).id, what: /not the one/ },
        { leaf: 599, record: at(19).id, what: /not the one/ },
      ],
    ],
    'two leaves swapped': [
      ({ db }) => {
        db.exec('UPDATE log_leaves SET position = -1 WHERE leaf_index = 19');
        db.exec('UPDATE log_leaves SET position = 20 WHERE leaf_index = 599');
        db.exec('UPDATE log_leaves SET position = 600 WHERE leaf_index = 19');
      },
      [
        { leaf: 19, what: /not the one/ },
        { leaf: 599, what: /not the one/ },
      ],
    ],
    "a leaf's hash": [
      ({ db }) => void db.prepare('UPDATE log_leaves SET hash = ? WHERE leaf_index = 44').run(Buffer.alloc(32, 1)),
      [named(44, /not the one/), { ...named(44, /the tile has another hash/), tile: 'tile/0/000' }],
    ],
    "a leaf's hash cut short": [
      ({ db }) => void db.prepare('UPDATE log_leaves SET hash = ? WHERE leaf_index = 699').run(Buffer.alloc(31, 1)),
      [named(699, /not the one/)],
    ],
    "a leaf's hash made longer": [
      ({ db }) => void db.prepare('UPDATE log_leaves SET hash = ? WHERE leaf_index = 699').run(Buffer.alloc(64, 1)),
      [named(699, /not the one/)],
    ],
    'record and hash together': [
      ({ db }) => {
        db.exec('UPDATE records SET leaf = (SELECT leaf FROM records WHERE position = 50) WHERE position = 45');
        db.exec(
          'UPDATE log_leaves SET hash = (SELECT hash FROM log_leaves WHERE leaf_index = 49) WHERE leaf_index = 44',
        );
      },
      [{ leaf: 44, tile: 'tile/0/000', what: /the tile has another hash/ }],
    ],
    'the root of the state': [
      ({ db }) => void db.prepare('UPDATE log_state SET root = ?').run('00'.repeat(32)),
      [{ what: /has not the root/ }],
    ],
    'the checkpoint': [
      ({ tiles }) => {
        const file = join(tiles, 'checkpoint');
        writeFileSync(file, readFileSync(file, 'utf8').replace(`\n${count}\n`, `\n${count - 1}\n`));
      },
      [{ what: /checkpoint in the folder.*does not hold/ }],
    ],
  };
  for (const [what, [tamper, expected]] of Object.entries(cases)) {
    const { faults } = await verifyAfter(tamper);
    t.ok(faults.length > 0, what);
    for (const one of expected)
      t.ok(
        faults.some((fault) => hasAll(fault, one)),
        `${what}: ${JSON.stringify(faults.slice(0, 3))}`,
      );
    // One place is one place: the rest of the log is not accused.
    // (An upper tile stands for all leaves below it.)
    const lowest = faults.filter(({ tile = '' }) => !tile.startsWith('tile/1/'));
    const leaves = new Set(lowest.map(({ leaf }) => leaf).filter((leaf) => leaf !== undefined));
    const allowed = new Set(expected.map((one) => one['leaf']));
    t.same(
      [...leaves].filter((leaf) => !allowed.has(leaf)),
      [],
      what,
    );
  }
});

t.test('each column altered, many at once: each is named at its leaf, and nothing else', async (t) => {
  const { faults } = await verifyAfter(({ db }) => {
    for (const [place, column] of comparedColumns.entries())
      set(column, 101 + 20 * place, 'altered')({ db, tiles: '' });
  });
  t.same(
    faults,
    comparedColumns.map((column, place) => ({
      leaf: 100 + 20 * place,
      record: column === 'id' ? 'altered' : at(100 + 20 * place).id,
      what: `column ${column} is not what was written`,
    })),
  );
});

t.test('records that do not stand as their leaves do are found all the same', async (t) => {
  // As after a pruning in between, or of a log that another one goes on with.
  const { faults } = await verifyAfter(({ db }) => {
    db.exec('UPDATE records SET position = position + 5000 WHERE position > 300');
    db.exec('UPDATE log_leaves SET position = position + 5000 WHERE position > 300');
    db.exec('UPDATE log_state SET position = position + 5000');
    set('path', 5640, '/other')({ db, tiles: '' });
  });
  t.match(faults, [{ leaf: 639, what: 'column path is not what was written' }]);
  t.equal(faults.length, 1);
});

t.test('a tile altered, cut short or missing', async (t) => {
  const tile = (level: number, index: number, width = 256) => tilePath({ level, index, width });
  const altered = (path: string, place: number) => (copy: Tampered) => {
    const bytes = readFileSync(join(copy.tiles, path));
    bytes[place]! ^= 1;
    writeFileSync(join(copy.tiles, path), bytes);
  };
  const cases: Readonly<Record<string, [(copy: Tampered) => void, Expected]>> = {
    'a full tile': [altered(tile(0, 1), 32 * 9), { tile: tile(0, 1), leaf: 265 }],
    'a partial tile': [altered(tile(0, 2, 188), 3), { tile: 'tile/0/002', leaf: 512 }],
    'an upper tile': [altered(tile(1, 0, 2), 33), { tile: tile(1, 0, 2), leaf: 256 }],
    'a tile cut short': [
      ({ tiles }) => writeFileSync(join(tiles, tile(0, 0)), Buffer.alloc(32)),
      { tile: tile(0, 0), what: /missing or not of its size/ },
    ],
    'a tile missing': [({ tiles }) => rmSync(join(tiles, tile(0, 0))), { tile: tile(0, 0), what: /missing/ }],
  };
  for (const [what, [tamper, expected]] of Object.entries(cases)) {
    const { faults } = await verifyAfter(tamper);
    t.equal(faults.length, 1, what);
    t.ok(hasAll(faults[0]!, expected), `${what}: ${JSON.stringify(faults)}`);
  }
});

t.test('what only looks erased or pruned is told, and a fault', async (t) => {
  const verdict = await verifyAfter(({ db }) => {
    const shown = JSON.parse(at(10).disclosures) as [string, string, unknown][];
    const left = JSON.stringify(shown.filter(([, name]) => name !== 'person' && name !== 'path'));
    db.prepare('UPDATE records SET disclosures = ?, person_id = NULL, path = NULL WHERE position = 11').run(left);
    db.exec('DELETE FROM records WHERE position < 6; UPDATE log_leaves SET pruned = 1 WHERE position < 6');
  });
  t.match(verdict.faults, [
    { what: '5 records are marked as pruned by pruning 1, of which no record tells' },
    { what: 'values of 1 records are gone, and by what is on record 0 were erased' },
  ]);
  t.equal(verdict.faults.length, 2);
  t.match(verdict, { pruned: 5, erased: 1 });
});

t.test('who rewrites everything and signs it again is caught by an old checkpoint', async (t) => {
  const keys = await world.keys();
  const old = openCheckpoint((await keeper.settle()).checkpoint, { log: keys });
  await keeper.stop();
  const dir = mkdtempSync(join(tmpdir(), 'postern-rewrite-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  cpSync(world.dir, dir, { recursive: true });
  rmSync(join(dir, 'log'), { recursive: true });
  const file = join(dir, databaseName);
  const store = await openStore(file);
  t.teardown(() => store.stop());
  // With all of the disk and the key itself: one verdict turned round, and a whole log over it.
  const leaf = at(100).leaf.replace('"verdict":"allow"', '"verdict":"deny"');
  await store.db.updateTable('records').set({ leaf, verdict: 'deny' }).where('position', '=', 101).execute();
  await store.db.deleteFrom('log_leaves').execute();
  await store.db.deleteFrom('log_state').execute();
  const parts = { db: store.db, sealer: world.sealer, clock: { now: () => 1 }, log: silentLog, dir, everyMs: 0 };
  const rewritten = await LogKeeper.open({ ...parts, trustDomain: logTrustDomain });
  const state = await rewritten.settle();
  await rewritten.stop();
  const verdict = await verifyLog({ db: store.db, file, dir: logFolder(dir, 1), state, keys, threads: 1 });
  t.same(verdict.faults, [], 'in itself it is whole');
  const head = openCheckpoint(state.checkpoint, { log: keys });
  t.equal(head.size, old.size);
  t.notOk(isConsistent(old, head, []), 'and another log than the one that was signed before');
});

function hasAll(fault: Readonly<Record<string, unknown>>, expected: Readonly<Record<string, unknown>>): boolean {
  return Object.entries(expected).every(([name, value]) =>
    value instanceof RegExp ? value.test(String(fault[name])) : fault[name] === value,
  );
}
