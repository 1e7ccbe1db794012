/** Proof files: what is proved, withheld and refused. */
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import t from 'tap';
import { PosternError } from '#shared/base/errors.ts';
import { generateEd25519 } from '#shared/crypto/ed25519.ts';
import { checkProof, shownToExtra } from '#shared/log/check-proof.ts';
import { checkpointText } from '#shared/log/checkpoint.ts';
import { makeNoteSigner, signNote } from '#shared/log/note-signer.ts';
import { formatProofFile, parseProofFile } from '#shared/log/proof-file.ts';
import { leafHash, rootOf } from '#shared/log/tree-hash.ts';
import { proveInclusion } from '#shared/log/tree-proofs.ts';

const refused = { code: 'proof-refused' };
const log = makeNoteSigner('log.example', generateEd25519());
const keys = { log: [log.key] };

const disclose = (name: string, value: unknown) =>
  Buffer.from(JSON.stringify([`salt of ${name} `.padEnd(22, 'x'), name, value])).toString('base64url');
const digest = (text: string) => createHash('sha256').update(text).digest('base64url');
const person = disclose('person', 'erin');
const path = disclose('path', '/payroll/"2026"\n\u202e');
const leaf = JSON.stringify({ v: 1, id: 'rec_1', hidden: ['person', 'path'], _sd: [digest(person), digest(path)] });

const leaves = ['a', 'b', leaf, 'd', 'e'].map((entry) => leafHash(Buffer.from(entry)));

async function prove(disclosures: string[], { shown = leaf, index = 2, size = leaves.length } = {}): Promise<string> {
  const node = async (level: number, at: number) => rootOf(leaves.slice(at * 2 ** level, (at + 1) * 2 ** level));
  return formatProofFile({
    extra: shownToExtra({ leaf: shown, disclosures }),
    index,
    path: await proveInclusion(index, size, node),
    checkpoint: signNote(checkpointText({ origin: 'log.example', size, root: rootOf(leaves) }), [log]),
  });
}

t.test('all values, some, and none', async (t) => {
  const all = checkProof(await prove([path, person]), keys);
  t.match(all, { index: 2, size: 5, origin: 'log.example', record: { v: 1, id: 'rec_1' }, withheld: [] });
  t.same({ ...all.disclosed }, { person: 'erin', path: '/payroll/"2026"\n\u202e' });
  const some = checkProof(Buffer.from(await prove([path])), keys);
  t.same(some.withheld, ['person']);
  t.notOk(JSON.stringify(some).includes('erin'));
  t.same(checkProof(await prove([]), keys).withheld, ['person', 'path']);
});

t.test('what is not so', async (t) => {
  const other = disclose('person', 'mallory');
  const changed = leaf.replace('rec_1', 'rec_2');
  const bad: Record<string, string> = {
    'another value': await prove([other]),
    'a value of another field': await prove([disclose('because', 'x')]),
    'a value twice': await prove([person, person]),
    'another record': await prove([person], { shown: changed }),
    'another place': await prove([person], { index: 1 }),
    'a leaf that is no record': await prove([], { shown: 'a', index: 0 }),
    'no extra': (await prove([])).replace(/\nextra [^\n]+/, ''),
    'another header': (await prove([])).replace('@v1', '@v2'),
    'a leading zero': (await prove([])).replace('index 2', 'index 02'),
    'no checkpoint': (await prove([])).split('\n\n')[0]!,
  };
  for (const [what, file] of Object.entries(bad)) t.throws(() => checkProof(file, keys), refused, what);
  t.throws(() => checkProof('', keys), refused);
  t.throws(() => checkProof(Buffer.alloc(17 * 1024 * 1024, 65), keys), refused, 'too large');
  const stranger = makeNoteSigner('log.example', generateEd25519());
  t.throws(() => checkProof(bad['another value']!, { log: [stranger.key] }), refused, 'a key of the same name');
});

t.test('the format is that of C2SP tlog-proof', async (t) => {
  const file = await prove([person]);
  const lines = file.split('\n');
  t.equal(lines[0], 'c2sp.org/tlog-proof@v1');
  t.match(lines[1], /^extra [A-Za-z0-9+/]+=*$/);
  t.equal(lines[2], 'index 2');
  t.same(lines.slice(3, 7), [
    ...[leaves[3]!, rootOf(leaves.slice(0, 2)), leaves[4]!].map((hash) => hash.toString('base64')),
    '',
  ]);
  t.same(lines.slice(7, 9), ['log.example', '5']);
  const { extra: _, ...bare } = parseProofFile(file);
  const again = parseProofFile(formatProofFile({ ...bare, extra: undefined }));
  t.equal(again.extra, undefined);
  t.same(again.path, bare.path);
});

t.test('whatever is done to a proof, it is refused or says the same', async () => {
  const file = Buffer.from(await prove([person]));
  const good = JSON.stringify(checkProof(file, keys));
  fc.assert(
    fc.property(fc.nat(file.length - 1), fc.integer({ min: 1, max: 255 }), (at, by) => {
      const bytes = Buffer.from(file);
      bytes[at]! ^= by;
      try {
        if (JSON.stringify(checkProof(bytes, keys)) !== good) throw new Error('another proof was taken');
      } catch (error) {
        if (!(error instanceof PosternError) || error.code !== 'proof-refused') throw error;
      }
    }),
    { numRuns: 5000 },
  );
});
