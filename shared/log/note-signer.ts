/** Signing notes: by the log itself, and by a witness that has seen the log grow (C2SP signed-note, tlog-cosignature). */
import { createPublicKey, type KeyObject, sign } from 'node:crypto';
import { ed25519FromSeed, ed25519Seed } from '../crypto/ed25519.ts';
import { formatKeyId, kindBytes, makeNoteKey, type NoteKey, type NoteKeyKind } from './note-key.ts';
import { cosignedText, decodeBase64, formatLine, isKeyName, refuse } from './signed-note.ts';

export interface NoteSigner {
  readonly key: NoteKey;
  readonly privateKey: KeyObject;
}

const signerHead = 'PRIVATE+KEY+';
const signerForm = /^PRIVATE\+KEY\+([^+]+)\+([0-9a-f]{8})\+(.+)$/;

/** `privateKey`: Ed25519. */
export function makeNoteSigner(name: string, privateKey: KeyObject, kind: NoteKeyKind = 'ed25519'): NoteSigner {
  const { x } = createPublicKey(privateKey).export({ format: 'jwk' });
  return { key: makeNoteKey(name, kind, Buffer.from(x ?? '', 'base64url')), privateKey };
}

/** The note with one line for each signer. `text` ends with a line feed. */
export function signNote(text: string, signers: readonly NoteSigner[]): string {
  if (!text.endsWith('\n')) throw new TypeError('the text of a note ends with a line feed');
  const lines = signers.map(({ key, privateKey }) =>
    formatLine(key.name, key.id, sign(null, Buffer.from(text), privateKey)),
  );
  return `${text}\n${lines.join('')}`;
}

/** The line that a witness adds to a note. `time`: seconds. */
export function cosign(text: string, time: number, { key, privateKey }: NoteSigner): string {
  const signature = Buffer.alloc(72);
  signature.writeBigUInt64BE(BigInt(time));
  signature.set(sign(null, Buffer.from(cosignedText(time, text)), privateKey), 8);
  return formatLine(key.name, key.id, signature);
}

/** `PRIVATE+KEY+<name>+<id>+<base64>`: the form in which other tools for notes keep a key. */
export function formatSignerKey({ key, privateKey }: NoteSigner): string {
  const bytes = Buffer.concat([Buffer.from([kindBytes[key.kind]]), ed25519Seed(privateKey)]);
  return `${signerHead}${key.name}+${formatKeyId(key.id)}+${bytes.toString('base64')}`;
}

/** Throws `proof-refused` for what is no such key; the message never quotes it. */
export function parseSignerKey(text: string): NoteSigner {
  const [, name, idText, keyText] = signerForm.exec(text.trim()) ?? [];
  const bytes = decodeBase64(keyText ?? '');
  const kind = bytes?.[0] === kindBytes.ed25519 ? 'ed25519' : bytes?.[0] === kindBytes.cosignature ? 'cosignature' : '';
  if (name === undefined || !isKeyName(name) || bytes?.length !== 33 || kind === '') {
    throw refuse('this is no private key of a note');
  }
  const signer = makeNoteSigner(name, ed25519FromSeed(bytes.subarray(1)), kind);
  if (formatKeyId(signer.key.id) !== idText) throw refuse('the private key does not fit its id');
  return signer;
}
