/** Signed notes, keys and checkpoints: the vectors of others, several signatures, and whatever is malformed. */
import fc from 'fast-check';
import t from 'tap';
import { PosternError } from '#shared/base/errors.ts';
import { generateEd25519 } from '#shared/crypto/ed25519.ts';
import { checkpointText, openCheckpoint, parseCheckpointText } from '#shared/log/checkpoint.ts';
import { formatKeyId, formatNoteKey, parseNoteKey } from '#shared/log/note-key.ts';
import { cosign, formatSignerKey, makeNoteSigner, parseSignerKey, signNote } from '#shared/log/note-signer.ts';
import { parseNote, verifyNote } from '#shared/log/signed-note.ts';
import { emptyRoot, leafHash } from '#shared/log/tree-hash.ts';
import vectors from '../vectors/signed-notes.json' with { type: 'json' };

const refused = { code: 'proof-refused' };
const root = leafHash(Buffer.from('x'));
const log = makeNoteSigner('log.example/postern', generateEd25519());
const other = makeNoteSigner('other.example', generateEd25519());
const witness = makeNoteSigner('witness.example', generateEd25519(), 'cosignature');
const text = checkpointText({ origin: 'log.example/postern', size: 7, root });
const keys = { log: [log.key], witnesses: [witness.key] };

t.test('keys and notes of others', async (t) => {
  for (const { key, id } of vectors.publicKeys) {
    t.equal(formatNoteKey(parseNoteKey(key)), key);
    t.equal(formatKeyId(parseNoteKey(key).id), id);
  }
  const signer = parseSignerKey(vectors.privateKey);
  t.equal(formatSignerKey(signer), vectors.privateKey);
  t.equal(formatNoteKey(signer.key), vectors.publicKeys[2]!.key);
  t.equal(signNote(vectors.text, [signer]), vectors.note, 'Ed25519 signs the same every time');
  const note = parseNote(Buffer.from(vectors.note));
  t.equal(note.text, vectors.text);
  t.same(verifyNote(note, [signer.key]), [{ key: signer.key }]);
});

t.test('several signatures: unknown ones are left alone, a known one must hold', async (t) => {
  const time = 1_764_000_000;
  const note = `${signNote(text, [other, log])}${cosign(text, time, witness)}— pq.example ${Buffer.alloc(2424, 6).toString('base64')}\n`;
  const opened = openCheckpoint(note, keys);
  t.match(opened, { origin: 'log.example/postern', size: 7, root });
  t.same(opened.signedBy, [{ key: log.key }, { key: witness.key, time }]);
  t.same(openCheckpoint(note, { log: [log.key] }).signedBy, [{ key: log.key }]);
  t.throws(
    () => openCheckpoint(note, { log: [makeNoteSigner('log.example/postern', generateEd25519()).key] }),
    refused,
  );
  t.throws(() => openCheckpoint(note, { log: [other.key] }), refused, 'the key of another log');
  t.throws(() => openCheckpoint(signNote(text, [other]), keys), refused, 'not signed by the log');
  t.throws(() => openCheckpoint(`${text}\n${cosign(text, time, witness)}`, keys), refused, 'a witness is not the log');
  // The time is signed too, as is every byte.
  for (const at of [11, 75]) {
    const [, name, line] = cosign(text, time, witness).split(' ');
    const bytes = Buffer.from(line!, 'base64');
    bytes[at]! ^= 1;
    const forged = `— ${name} ${bytes.toString('base64')}\n`;
    t.throws(() => openCheckpoint(`${signNote(text, [log])}${forged}`, keys), refused, `byte ${at}`);
  }
});

t.test('malformed notes', async (t) => {
  const good = signNote(text, [log]);
  const [, line] = good.split('\n\n') as [string, string];
  const bad: Record<string, string | Uint8Array> = {
    empty: '',
    'no signature': text,
    'no end': good.slice(0, -1),
    'no gap': good.replace('\n\n', '\n'),
    'a hyphen for the dash': good.replace('—', '-'),
    'control characters': good.replace('log.example', 'log\t.example'),
    'carriage returns': good.replaceAll('\n', '\r\n'),
    'not UTF-8': Buffer.concat([Buffer.from([0xff]), Buffer.from(good)]),
    'a lone surrogate': `\ud800${good}`,
    'a name with a plus': good.replace('— log.example', '— log+example'),
    'more on a line': good.replace(/\n$/, ' more\n'),
    'an empty line after it': `${good}\n`,
    'base64 of another spelling': good.replace(/=*\n$/, '\n').replace(/\n$/, '====\n'),
    'too large': `${'x'.repeat(300_000)}\n\n${line}`,
    'too many': `${text}\n${line.repeat(65)}`,
  };
  for (const [what, note] of Object.entries(bad)) t.throws(() => openCheckpoint(note, keys), refused, what);
  t.ok(openCheckpoint(good, keys));
  t.ok(openCheckpoint(signNote(`${text}extension\n`, [log]), keys), 'extension lines');
});

t.test('malformed texts of checkpoints', async (t) => {
  const line = root.toString('base64');
  for (const bad of [
    '\n',
    `origin\n07\n${line}\n`,
    `origin\n-7\n${line}\n`,
    `origin\n7.0\n${line}\n`,
    `origin\n99999999999999999\n${line}\n`,
    `origin\n7\n${line.slice(4)}\n`,
    `origin\n7\n${line.replace(/=$/, '')}\n`,
    `\n7\n${line}\n`,
    `origin\n7\n${line}\n\nx\n`,
    `origin\n0\n${line}\n`,
  ])
    t.throws(() => parseCheckpointText(bad), refused, JSON.stringify(bad));
  t.equal(parseCheckpointText(`origin\n0\n${emptyRoot.toString('base64')}\n`).size, 0);
});

t.test('malformed keys', async (t) => {
  const good = vectors.publicKeys[0]!.key;
  for (const bad of [
    '',
    'x',
    good.replace('530d903a', '530d903b'),
    good.replace('530d903a', '530D903A'),
    good.slice(0, -4),
    good.replace('foo', 'bar'),
    good.replace('example.com', 'example .com'),
    `example.com/pq+00000000+${Buffer.alloc(33, 6).toString('base64')}`,
  ])
    t.throws(() => parseNoteKey(bad), refused, bad);
  for (const bad of ['', vectors.privateKey.slice(12), vectors.privateKey.replace('c74f20a3', 'c74f20a4')])
    t.throws(() => parseSignerKey(bad), refused);
});

t.test('whatever is done to a checkpoint, it is refused or says the same', async () => {
  const good = Buffer.from(`${signNote(text, [log])}${cosign(text, 1, witness)}`);
  fc.assert(
    fc.property(
      fc.nat(good.length - 1),
      fc.integer({ min: 1, max: 255 }),
      fc.constantFrom('flip', 'cut', 'insert'),
      (at, by, how) => {
        const bytes =
          how === 'cut'
            ? Buffer.concat([good.subarray(0, at), good.subarray(at + 1)])
            : how === 'insert'
              ? Buffer.concat([good.subarray(0, at), Buffer.from([by]), good.subarray(at)])
              : Buffer.from(good);
        if (how === 'flip') bytes[at]! ^= by;
        let opened: ReturnType<typeof openCheckpoint>;
        try {
          opened = openCheckpoint(bytes, { log: [log.key] });
        } catch (error) {
          if (error instanceof PosternError && error.code === 'proof-refused') return;
          throw error;
        }
        if (opened.size !== 7 || !opened.root.equals(root)) throw new Error('another checkpoint was taken');
      },
    ),
    { numRuns: 5000 },
  );
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.uint8Array()), (noise) => {
      try {
        openCheckpoint(noise, keys);
      } catch (error) {
        if (error instanceof PosternError && error.code === 'proof-refused') return;
        throw error;
      }
      throw new Error('noise was taken');
    }),
    { numRuns: 2000 },
  );
});
