/** Public keys of notes in the form `<name>+<id>+<base64>` (C2SP signed-note, "verifier keys"). */
import { hash } from 'node:crypto';
import { decodeBase64, isKeyName, refuse } from './signed-note.ts';

/** `cosignature` is that of a witness, with its time. */
export type NoteKeyKind = 'ed25519' | 'cosignature';

export interface NoteKey {
  readonly name: string;
  readonly id: number;
  readonly kind: NoteKeyKind;
  /** 32 bytes (RFC 8032). */
  readonly publicKey: Uint8Array;
}

export const kindBytes = { ed25519: 0x01, cosignature: 0x04 } as const satisfies Record<NoteKeyKind, number>;
const publicBytes = 32;

export function makeNoteKey(name: string, kind: NoteKeyKind, publicKey: Uint8Array): NoteKey {
  if (!isKeyName(name)) throw new TypeError('a name of a key has neither spaces nor plus');
  if (publicKey.length !== publicBytes) throw new TypeError('an Ed25519 key has 32 bytes');
  return { name, kind, publicKey, id: keyId(name, kindBytes[kind], publicKey) };
}

/** Throws `proof-refused` for what is no key, or one of a kind that is not known here. */
export function parseNoteKey(text: string): NoteKey {
  const [, name, idText, keyText] = /^([^+]+)\+([0-9a-f]{8})\+(.+)$/u.exec(text.trim()) ?? [];
  const bytes = decodeBase64(keyText ?? '');
  if (name === undefined || idText === undefined || bytes === undefined || bytes.length < 2 || !isKeyName(name)) {
    throw refuse('this is no public key of a log (<name>+<id>+<base64>)');
  }
  const [kindByte, publicKey] = [bytes[0]!, bytes.subarray(1)];
  if (keyId(name, kindByte, publicKey) !== Number.parseInt(idText, 16)) {
    throw refuse('the public key does not fit its id: it was cut short or changed');
  }
  const kind = (Object.keys(kindBytes) as NoteKeyKind[]).find((one) => kindBytes[one] === kindByte);
  if (kind === undefined || publicKey.length !== publicBytes)
    throw refuse('the public key is of a kind not known here');
  return { name, kind, publicKey, id: keyId(name, kindByte, publicKey) };
}

export function formatNoteKey({ name, id, kind, publicKey }: NoteKey): string {
  const bytes = Buffer.concat([Buffer.from([kindBytes[kind]]), publicKey]);
  return `${name}+${formatKeyId(id)}+${bytes.toString('base64')}`;
}

export const formatKeyId = (id: number): string => id.toString(16).padStart(8, '0');

function keyId(name: string, kindByte: number, publicKey: Uint8Array): number {
  const text = Buffer.concat([Buffer.from(`${name}\n`), Buffer.from([kindByte]), publicKey]);
  return hash('sha256', text, 'buffer').readUInt32BE();
}
