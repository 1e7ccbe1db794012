/** The note that declares another log is signed by both keys, and is never a checkpoint. */
import t from 'tap';
import { generateEd25519 } from '#shared/crypto/ed25519.ts';
import { openCheckpoint } from '#shared/log/checkpoint.ts';
import { makeNoteSigner, signNote } from '#shared/log/note-signer.ts';
import { openedText, openOpenedLog } from '#shared/log/opened-log.ts';
import { makeShownLog, someEntries } from '../support/shown-log.ts';

const refused = { code: 'proof-refused' };
const old = makeShownLog('test.example/log/1', someEntries(9));
const own = makeNoteSigner('test.example/log/2', generateEd25519());
const text = openedText({ key: own.key, former: old.head(5), known: old.head(9) });

t.test('it says which log begins, and where the former one was left', async (t) => {
  const opened = openOpenedLog(signNote(text, [old.signer, own]), [old.signer.key]);
  t.same(opened, { key: own.key, former: old.head(5), known: old.head(9) });
  const alone = openOpenedLog(signNote(openedText({ key: own.key, former: old.head(5) }), [old.signer, own]), [
    old.signer.key,
  ]);
  t.same(alone.known, old.head(5));
});

t.test('nobody else can declare it, and nothing else is one', async (t) => {
  const stranger = makeNoteSigner('test.example/log/1', generateEd25519());
  for (const [name, note] of [
    ['the new key alone', signNote(text, [own])],
    ['the former key alone', signNote(text, [old.signer])],
    ['a stranger by the former name', signNote(text, [stranger, own])],
    ['a checkpoint', old.checkpoint(9)],
    ['another line', signNote(`${text}more\n`, [old.signer, own])],
    ['no former', signNote(text.split('\n').slice(0, 2).join('\n').concat('\n'), [old.signer, own])],
    ['the log itself', signNote(openedText({ key: old.signer.key, former: old.head(5) }), [old.signer])],
  ] as const)
    t.throws(() => openOpenedLog(note, [old.signer.key]), refused, name);
  t.throws(() => openCheckpoint(signNote(text, [old.signer, own]), { log: [old.signer.key, own.key] }), refused);
});
