/** What is asked of a witness, by the example of C2SP tlog-witness, and what is believed of its answer. */
import t from 'tap';
import { generateEd25519 } from '#shared/crypto/ed25519.ts';
import { missingWitnesses, openCheckpoint } from '#shared/log/checkpoint.ts';
import { keptNotes } from '#shared/log/kept-notes.ts';
import { cosign, makeNoteSigner } from '#shared/log/note-signer.ts';
import { formatProofFile } from '#shared/log/proof-file.ts';
import { parseNote } from '#shared/log/signed-note.ts';
import { formatWitnessRequest, readCosignature } from '#shared/log/witness-request.ts';
import { makeShownLog, someEntries } from '../support/shown-log.ts';
import vectors from '../vectors/tlog-witness.json' with { type: 'json' };

const refused = { code: 'proof-refused' };
const log = makeShownLog('log.example/one', someEntries(9));
const witness = makeNoteSigner('witness.example/w1', generateEd25519(), 'cosignature');
const other = makeNoteSigner('witness.example/w2', generateEd25519(), 'cosignature');
const checkpoint = log.checkpoint(9);
const { text } = parseNote(checkpoint);
const keys = [log.signer.key];

t.test('the request of the specification, to the byte', async (t) => {
  const { old, proof, checkpoint, request, cosigned } = vectors;
  t.equal(formatWitnessRequest({ old, checkpoint, proof: proof.map((line) => Buffer.from(line, 'base64')) }), request);
  t.match(parseNote(cosigned).signatures, [
    { name: 'example.com/behind-the-sofa' },
    { name: 'witness.example.com/w1' },
  ]);
  t.equal(formatWitnessRequest({ old: 0, proof: [], checkpoint: log.checkpoint(9) }), `old 0\n\n${log.checkpoint(9)}`);
});

t.test('of an answer only the lines of the witness count, and each must hold', async (t) => {
  const line = cosign(text, 1_764_000_000, witness);
  const stranger = cosign(text, 1, other);
  t.equal(readCosignature(`${stranger}${line}`, checkpoint, witness.key, keys), line);
  t.equal(readCosignature(line.repeat(20), checkpoint, witness.key, keys), line, 'once');
  for (const [name, answer] of [
    ['nothing', ''],
    ['somebody else', stranger],
    ['of another checkpoint', cosign(parseNote(log.checkpoint(8)).text, 1, witness)],
    ['no line', 'fine by me\n'],
    ['a line without an end', line.trimEnd()],
    ['a log signature of the same key', `${line.slice(0, -10)}AAAAAAAA=\n`],
    ['another note', `\n\n${log.checkpoint(8)}`],
  ] as const)
    t.throws(() => readCosignature(answer, checkpoint, witness.key, keys), refused, name);
  const both = openCheckpoint(`${checkpoint}${line}`, { log: keys, witnesses: [witness.key, other.key] });
  t.same(missingWitnesses(both, [witness.key, other.key]), [other.key]);
});

t.test('kept checkpoints are found in notes, proofs, lines of files and of syslog', async (t) => {
  t.same(keptNotes(checkpoint), [checkpoint]);
  t.same(keptNotes(formatProofFile({ extra: undefined, index: 0, path: [], checkpoint })), [checkpoint]);
  const lines = [9, 9, 5].map((size) => JSON.stringify({ time: 'x', checkpoint: log.checkpoint(size) }));
  t.same(keptNotes(`{"time":"20\n${lines.join('\n')}\n{"checkp`), [log.checkpoint(9), log.checkpoint(5)]);
  const syslog = `Nov 26 host postern: \ufeff${JSON.stringify({ id: 'rec_1', details: { checkpoint } })}\n`;
  t.same(keptNotes(`Nov 26 host other: {}\n${syslog}`), [checkpoint]);
  t.throws(() => keptNotes(''), refused);
});
