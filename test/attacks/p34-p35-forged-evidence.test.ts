/**
 * P34 P35: whoever forges proofs and bundles has the verifier neither say that they hold, nor write to the terminal of an auditor, nor take
 * more memory than a proof needs.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import t from 'tap';
import { checkMain } from '#shared/log/check-main.ts';
import { parseEntries } from '#shared/log/entry-bundle.ts';
import { formatNoteKey, makeNoteKey } from '#shared/log/note-key.ts';
import { entriesPath, tilePath } from '#shared/log/tile-path.ts';
import { tilesBetween } from '#shared/log/tiles.ts';
import { readEntries } from '../../controller/log/read-entries.ts';
import { verifyFiles } from '../../controller/log/verify/verify-files.ts';
import { makeLogWorld } from '../support/log-world.ts';
import { makeBundle } from '../support/made-bundle.ts';
import { root } from '../support/source-tree.ts';

const dir = mkdtempSync(join(tmpdir(), 'postern-forged-'));
t.teardown(() => rmSync(dir, { recursive: true, force: true }));
const world = await makeLogWorld(t);
await world.append(20);
const keeper = await world.open();
const whole = join(dir, 'whole');
await makeBundle(whole, { db: world.store.db, keeper });
const key = formatNoteKey((await world.keys())[0]!);

function check(path: string, ...more: string[]) {
  const told = { out: '', err: '' };
  const code = checkMain(
    [path, '--key', key, ...more],
    (text) => (told.out += `${text}\n`),
    (text) => (told.err += `${text}\n`),
  );
  return { code, ...told };
}

/** A copy with one file otherwise. */
function forged(name: string, change: (text: string) => string): string {
  const copy = mkdtempSync(join(dir, 'copy-'));
  cpSync(whole, copy, { recursive: true });
  writeFileSync(join(copy, name), change(readFileSync(join(copy, name), 'utf8')));
  return copy;
}

t.test('P35 a witness that must have signed must have signed a bundle as well as a proof', async (t) => {
  const witness = formatNoteKey(makeNoteKey('witness.example', 'cosignature', new Uint8Array(32).fill(7)));
  t.equal(check(whole).code, 0);
  for (const path of [whole, join(whole, 'manifest.tlog-proof')]) {
    t.equal(check(path).code, 0, path);
    t.match(check(path, '--witness', witness), {
      code: 1,
      out: '',
      err: /the witness witness\.example has not signed/,
    });
  }
});

t.test('P35 what a forged file says moves no cursor and hides nothing', async (t) => {
  const evil = '\u001b[2J\u001b]0;x\u0007\u009b1A\u202eHolds: 6 files\r';
  const proof = readFileSync(join(whole, 'manifest.tlog-proof'), 'utf8');
  const extra = Buffer.from(
    JSON.stringify({
      leaf: JSON.parse(Buffer.from(/^extra (.*)$/m.exec(proof)![1]!, 'base64').toString()).leaf,
      disclosures: [Buffer.from(JSON.stringify(['salt', evil, 1])).toString('base64url')],
    }),
  ).toString('base64');
  const tampered = join(dir, 'evil.tlog-proof');
  writeFileSync(tampered, proof.replace(/^extra .*$/m, `extra ${extra}`));
  const named = forged('manifest.json', (text) => text);
  writeFileSync(join(named, `evil${evil.replaceAll('/', '')}`), '');
  for (const path of [
    tampered,
    named,
    forged('manifest.json', () => evil),
    forged('records.ndjson', () => `${evil}\n`),
    forged('manifest.growth', () => evil),
    forged('checkpoint', (text) => text.replace('test.example', `test${evil}`)),
  ]) {
    const { code, out, err } = check(path);
    t.equal(code, 1);
    t.equal(out, '');
    t.match(err, /^Does not hold: /);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not come through
    t.notMatch(err, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/, JSON.stringify(err));
  }
});

t.test('P35 a record of a bundle is a text, and its leaf the same text', async (t) => {
  const change = (make: (line: Record<string, unknown>) => object) =>
    forged('records.ndjson', (text) => {
      const [first, ...rest] = text.split('\n');
      return [JSON.stringify(make(JSON.parse(first!))), ...rest].join('\n');
    });
  const bytes = (leaf: unknown) => [...Buffer.from(String(leaf))];
  for (const path of [
    change((line) => ({ ...line, leaf: bytes(line['leaf']) })),
    change((line) => ({ ...line, leaf: { type: 'Buffer', data: bytes(line['leaf']) } })),
    change((line) => ({ ...line, leaf: [line['leaf']] })),
    change((line) => ({ ...line, disclosures: 'x' })),
    change((line) => ({ ...line, index: '0' })),
    change((line) => ({ ...line, index: 2 ** 53 })),
    change((line) => ({ ...line, path: Array(100).fill('') })),
  ])
    t.match(check(path), { code: 1, err: /"records\.ndjson"/ });
  t.match(check(change((line) => ({ ...line, leaf: bytes(line['leaf']) }))).err, /record of the proof cannot be read/);
});

t.test('P35 of what never ends no more is read than a proof has', async (t) => {
  t.match(check('/dev/zero'), { code: 1, err: /larger than 16777216 bytes/ });
  const child = spawn(process.execPath, [join(root, 'shared/log/check-main.ts'), '-', '--key', key], {
    stdio: ['pipe', 'ignore', 'pipe'],
  });
  const told = child.stderr.toArray();
  // It ends before it has read everything.
  child.stdin.on('error', () => {});
  const piece = Buffer.alloc(1024 * 1024, 'a');
  Readable.from(Array.from({ length: 64 }, () => piece)).pipe(child.stdin);
  t.match(Buffer.concat(await told).toString(), /larger than 16777216 bytes/);
});

t.test('P24 P35 files of which a leaf was emptied, as if its record had been pruned', async (t) => {
  const files = join(dir, 'files');
  const { size } = await keeper.settle();
  const write = (path: string, bytes: Uint8Array) => {
    mkdirSync(join(files, path, '..'), { recursive: true });
    writeFileSync(join(files, path), bytes);
  };
  for (const tile of tilesBetween(0, size)) write(tilePath(tile), await keeper.tiles.read(tile));
  const bundle = { index: 0, width: size };
  const entries = parseEntries(await readEntries(world.store.db, bundle), size);
  const emptied = (...at: number[]) =>
    entries.map((entry, place) => {
      const bytes = at.includes(place) ? Buffer.alloc(0) : entry;
      const length = Buffer.alloc(2);
      length.writeUInt16BE(bytes.length);
      return Buffer.concat([length, bytes]);
    });
  writeFileSync(join(files, 'checkpoint'), (await keeper.settle()).checkpoint);
  const faultsOf = async (parts: Buffer[]) => {
    write(entriesPath(bundle), Buffer.concat(parts));
    return verifyFiles({ dir: files, keys: await world.keys() }).verdict;
  };
  t.match(await faultsOf(emptied()), { faults: [], pruned: 0 });
  const what = 'the leaf is empty, and no pruning began after it was written';
  t.match(await faultsOf(emptied(5, 7)), { faults: [{ leaf: 7, what }], pruned: 2 });
});

t.test('P35 hostile pieces of a bundle take no more memory than a bundle has, and end with a word on it', async (t) => {
  const line = readFileSync(join(whole, 'records.ndjson'), 'utf8').split('\n')[0]!;
  const long = JSON.stringify({ ...JSON.parse(line), path: [] }).replace(
    '"path":[]',
    () => `"path":[${'"",'.repeat(10_000_000)}""]`,
  );
  const objects = `{"review":{"name":"x"},"rows":[${'{},'.repeat(60_000_000)}{}]}`;
  const deep = `${'['.repeat(4_000_000)}`;
  const paths = [
    forged('records.ndjson', (text) => [long, ...text.split('\n').slice(1)].join('\n')),
    forged('records.ndjson', () => `${deep}\n`),
    forged('manifest.json', (text) => text.replace('{"postern"', `{"a":${deep.slice(0, 2_000_000)},"postern"`)),
    (() => {
      const copy = forged('manifest.json', (text) => {
        const manifest = JSON.parse(text) as { files: Record<string, string> };
        manifest.files['review.json'] = createHash('sha256').update(objects).digest('hex');
        return JSON.stringify(manifest);
      });
      writeFileSync(join(copy, 'review.json'), objects);
      return copy;
    })(),
  ];
  for (const path of paths) {
    const child = spawn(
      process.execPath,
      ['--max-old-space-size=512', join(root, 'shared/log/check-main.ts'), path, '--key', key],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );
    const [out, err, [code]] = await Promise.all([
      child.stdout.toArray(),
      child.stderr.toArray(),
      once(child, 'close'),
    ]);
    t.equal(code, 1, Buffer.concat(err).toString().slice(0, 300));
    t.equal(Buffer.concat(out).toString(), '');
    t.match(Buffer.concat(err).toString(), /^Does not hold: /);
  }
});
