/** A bundle as one file: whatever is cut off, put behind, put in twice, hidden or pointed elsewhere is named, and nothing but what is in it is read. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { checkBundle } from '#shared/log/check-bundle.ts';
import { formatGrowth, parseGrowth } from '#shared/log/growth-file.ts';
import { blockBytes, paddingOf, readTarHeader, tarEnd, tarHeader } from '#shared/log/tar.ts';
import { LogKeeper } from '../../controller/log/log-keeper.ts';
import { openStore } from '../../controller/store/open-store.ts';
import { silentLog } from '../../shared/base/log.ts';
import { logTrustDomain, makeLogWorld } from '../support/log-world.ts';
import { makeBundle } from '../support/made-bundle.ts';

const dir = mkdtempSync(join(tmpdir(), 'postern-bundle-'));
t.teardown(() => rmSync(dir, { recursive: true, force: true }));
const world = await makeLogWorld(t);
await world.append(300);
const keeper = await world.open();
const log = { db: world.store.db, keeper };
const tar = join(dir, 'evidence.tar');
await makeBundle(tar, log);
const keys = { log: await world.keys() };
const whole = readFileSync(tar);
const spoilt = join(dir, 'spoilt.tar');

function faultsOf(bytes: Uint8Array) {
  writeFileSync(spoilt, bytes);
  const { holds, faults } = checkBundle(spoilt, keys);
  t.equal(holds, faults.length === 0);
  return faults;
}

/** Where each file's header stands. */
function listed(bytes: Buffer) {
  const files: { name: string; at: number; size: number }[] = [];
  for (let at = 0; bytes[at] !== 0; ) {
    const { name, size = 0 } = readTarHeader(bytes.subarray(at, at + blockBytes));
    files.push({ name, at, size });
    at += blockBytes + size + paddingOf(size);
  }
  return files;
}
const files = listed(whole);
const body = whole.subarray(0, -tarEnd.length);
const entry = (name: string, text: string, change: (header: Buffer) => void = () => {}) => {
  const header = tarHeader({ name: 'policies/2.json', size: text.length, time: 1 });
  header.fill(0, 0, 100).write(name);
  change(header);
  header.fill(0x20, 148, 156);
  header.write(
    `${header
      .reduce((sum, one) => sum + one, 0)
      .toString(8)
      .padStart(6, '0')}\0 `,
    148,
  );
  return Buffer.concat([header, Buffer.from(text), Buffer.alloc(paddingOf(text.length))]);
};
const withEntry = (...made: Parameters<typeof entry>) => Buffer.concat([body, entry(...made), tarEnd]);

t.test('as it was written', async (t) => {
  t.match(checkBundle(tar, keys), { holds: true, files: 6, records: 300, sizes: [300, 301], faults: [] });
  t.same(files.map(({ name }) => name).slice(0, 3), ['manifest.json', 'manifest.tlog-proof', 'manifest.growth']);
  t.same(spawnSync('tar', ['xf', tar, '-C', dir]).status, 0, 'tar unpacks it');
  const folder = join(dir, 'folder');
  mkdirSync(folder);
  spawnSync('tar', ['xf', tar, '-C', folder]);
  t.match(checkBundle(folder, keys), { holds: true, records: 300 }, 'and what it unpacks holds as a folder');
  const again = join(dir, 'again.tar');
  spawnSync('tar', ['cf', again, '-C', folder, '.']);
  t.notOk(checkBundle(again, keys).holds, 'what another program packs is told, not guessed at');
  const link = join(dir, 'linked');
  cpSync(folder, link, { recursive: true });
  rmSync(join(link, 'policies/1.json'));
  symlinkSync(join(folder, 'policies/1.json'), join(link, 'policies/1.json'));
  t.match(checkBundle(link, keys).faults, [{ file: 'policies/1.json', what: /symbolic link/ }, { what: /missing/ }]);
});

t.test('cut short anywhere', async (t) => {
  const places = [0, 1, 511, 512, 513, whole.length - 1, whole.length - 512, whole.length - 1024, whole.length - 1025];
  for (const { name, at, size } of files) {
    places.push(at, at + 100, at + blockBytes + Math.floor(size / 2));
    const faults = faultsOf(whole.subarray(0, at + blockBytes + Math.floor(size / 2)));
    t.ok(
      faults.some(({ file, what }) => file === name && what === 'it is cut short'),
      name,
    );
  }
  for (const place of places) t.ok(faultsOf(whole.subarray(0, place)).length > 0, `at ${place}`);
});

t.test('something behind or between', async (t) => {
  const more = [{ file: 'spoilt.tar', what: 'there is more behind its end' }];
  for (const behind of [Buffer.alloc(1), Buffer.alloc(512), Buffer.alloc(10_240), Buffer.from('x'), entry('a', 'b')])
    t.same(faultsOf(Buffer.concat([whole, behind])), more);
  t.same(faultsOf(Buffer.concat([body, Buffer.alloc(512), entry('a', 'b'), tarEnd])), more);
  const { name, at, size } = files.find((one) => paddingOf(one.size) > 0)!;
  const hidden = Buffer.from(whole);
  hidden[at + blockBytes + size] = 1;
  t.ok(faultsOf(hidden).some(({ file, what }) => file === name && what === 'there is more behind its end'));
});

t.test('entries that no bundle has', async (t) => {
  const cases: readonly [Buffer, string, RegExp][] = [
    [withEntry('../evil', 'x'), '../evil', /no file of such a name/],
    [withEntry('policies/../../evil', 'x'), 'policies/../../evil', /no file of such a name/],
    [withEntry('/etc/passwd', 'x'), '/etc/passwd', /no file of such a name/],
    [withEntry('policies//2.json', 'x'), 'policies//2.json', /no file of such a name/],
    [withEntry('a\nb', 'x'), 'a\nb', /no file of such a name/],
    [withEntry('manifest.json', '{}'), 'manifest.json', /there twice/],
    [withEntry('records.ndjson', ''), 'records.ndjson', /there twice/],
    [withEntry('policies/2.json', '{}'), 'policies/2.json', /not in the manifest: it was added/],
    [withEntry('link', '', (one) => one.write('2/etc/passwd', 156)), 'link', /a symbolic link/],
    [withEntry('link', '', (one) => one.write('1manifest.json', 156)), 'link', /a hard link/],
    [withEntry('folder', '', (one) => one.write('5', 156)), 'folder', /a folder/],
    [withEntry('pax', '30 path=manifest.json\n', (one) => one.write('x', 156)), 'pax', /something else than a file/],
    [withEntry('long', 'manifest.json', (one) => one.write('L', 156)), 'long', /something else than a file/],
    [withEntry('owned', '', (one) => one.write('root', 265)), 'owned', /header is not as/],
    [withEntry('moved', '', (one) => one.write('reports', 345)), 'moved', /header is not as/],
    [withEntry('big', '', (one) => one.write('77777777777', 124)), 'big', /cut short/],
    [withEntry('big', '', (one) => one.write('\x80', 124, 'latin1')), 'big', /header cannot be read/],
  ];
  for (const [bytes, name, what] of cases) {
    const faults = faultsOf(bytes);
    t.ok(
      faults.some((fault) => fault.file === name && what.test(fault.what)),
      `${name}: ${JSON.stringify(faults)}`,
    );
  }
});

t.test('any byte that is another', async () => {
  const place = fc.oneof(
    fc.nat(whole.length - 1),
    fc.constantFrom(...files).chain(({ at }) => fc.integer({ min: at, max: at + blockBytes - 1 })),
  );
  fc.assert(
    fc.property(place, fc.integer({ min: 1, max: 255 }), (at, flip) => {
      const bytes = Buffer.from(whole);
      bytes[at]! ^= flip;
      writeFileSync(spoilt, bytes);
      if (checkBundle(spoilt, keys).holds) throw new Error(`byte ${at}`);
    }),
    { numRuns: 300 },
  );
});

t.test('records left out, twice or in another order are not those of the manifest, and told apart', async (t) => {
  const { at, size } = files.find(({ name }) => name === 'records.ndjson')!;
  const lines = whole
    .toString('utf8', at + blockBytes, at + blockBytes + size)
    .trimEnd()
    .split('\n');
  const withLines = (some: readonly string[]) => {
    const text = some.map((line) => `${line}\n`).join('');
    return Buffer.concat([
      whole.subarray(0, at),
      entry('records.ndjson', text),
      whole.subarray(at + blockBytes + size + paddingOf(size)),
    ]);
  };
  t.same(faultsOf(withLines(lines)), []);
  t.match(faultsOf(withLines(lines.slice(1))), [
    { what: /altered/ },
    { what: /299 records hold, and the manifest counts 300/ },
  ]);
  t.match(faultsOf(withLines([...lines, lines[299]!])), [{}, { what: /line 301: leaf 299 stands there twice/ }]);
  t.match(faultsOf(withLines([lines[1]!, lines[0]!])), [{}, { what: /line 2: leaf 0 .* out of order/ }, {}]);
  t.match(faultsOf(withLines([lines[0]!.replace('allow', 'deny')])), [
    {},
    { what: /line 1: the record is not what stands at leaf 0/ },
    {},
  ]);
});

t.test('a manifest that is on record in another log than the records are of', async (t) => {
  // Who has key and disk: one verdict turned round in a copy, and the whole log made again.
  const other = join(dir, 'other');
  cpSync(world.dir, other, { recursive: true });
  rmSync(join(other, 'log'), { recursive: true });
  const store = await openStore(world.file.replace(world.dir, other));
  t.teardown(() => store.stop());
  const row = await store.db.selectFrom('records').selectAll().where('position', '=', 7).executeTakeFirstOrThrow();
  const leaf = row.leaf.replace('"verdict":"allow"', '"verdict":"deny"');
  t.not(leaf, row.leaf);
  await store.db.updateTable('records').set({ leaf, verdict: 'deny' }).where('position', '=', 7).execute();
  await store.db.deleteFrom('records').where('position', '>', 300).execute();
  await store.db.deleteFrom('log_leaves').execute();
  await store.db.deleteFrom('log_state').execute();
  const parts = { db: store.db, sealer: world.sealer, clock: { now: () => 1 }, log: silentLog, dir: other, everyMs: 0 };
  const rewritten = await LogKeeper.open({ ...parts, trustDomain: logTrustDomain });
  t.teardown(() => rewritten.stop());
  const forked = join(dir, 'forked.tar');
  await makeBundle(forked, { db: world.store.db, keeper }, { db: store.db, keeper: rewritten });
  t.match(checkBundle(forked, keys), {
    holds: false,
    faults: [{ file: 'manifest.growth', what: /does not go on from that of the records/ }],
  });
});

t.test('the form of a proof of growth', async (t) => {
  const path = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)];
  const text = formatGrowth({ from: 300, path, checkpoint: 'a\n\nb\n' });
  t.same(parseGrowth(text), { from: 300, path, checkpoint: 'a\n\nb\n' });
  t.same(parseGrowth(formatGrowth({ from: 0, path: [], checkpoint: 'x\n' })).path, []);
  const line = Buffer.alloc(32).toString('base64');
  for (const bad of [
    '',
    'old 1',
    'old 01\n\nx',
    'old -1\n\nx',
    'new 1\n\nx',
    `old 1\n${line}x\n\nx`,
    'old 1\nAAAA\n\nx',
    `old 9\n${`${line}\n`.repeat(64)}\nx`,
  ])
    t.throws(() => parseGrowth(bad), { code: 'proof-refused' }, bad.slice(0, 20));
});
