/** Knocks of a device at a door, for tests of doors. */
import { createCipheriv, createHmac, randomBytes } from 'node:crypto';
import { type DoorKind, doorTimes, knockFields as field } from '#shared/contracts/knock.ts';
import { encodeKnock, type Knock } from '#shared/crypto/encode-knock.ts';
import { doorSecret, type KnockKey, openKnockKey } from '#shared/crypto/knock-keys.ts';
import type { KnockCredential } from '#shared/wire/doors/key-ring.ts';

export interface Knocker {
  readonly credential: KnockCredential;
  /** Each call counts on; `over` says what is different. */
  knock(over?: Partial<Knock>): Buffer;
  /** One that says something else in one field, as only the holder of the key can write it. */
  forge(name: keyof typeof field, value: Uint8Array | number, over?: Partial<Knock>): Buffer;
}

let made = 0;

/** A device that knocks at `door` (`controller` or `gateway/<id>`) at `time`, a function so that clocks can move. */
export function makeKnocker(
  time: () => number,
  door = 'gateway/gw-main',
  over: Partial<KnockCredential> = {},
): Knocker {
  made += 1;
  const client = `device/dev_${String(made).padStart(12, '0')}`;
  const secret = doorSecret(randomBytes(32), door);
  const credential = { id: `knk_${made}`, client, secret, kinds: ['mutual'], since: time(), ...over } as const;
  const key = openKnockKey(credential.secret);
  let counter = 0;
  const knock = (over: Partial<Knock> = {}) => {
    counter = over.counter ?? counter + 1;
    const kind = credential.kinds[0] ?? 'mutual';
    const times = doorTimes[door.split('/')[0] as DoorKind];
    return encodeKnock(key, times, { client: credential.client, time: time(), kind, ...over, counter });
  };
  return { credential, knock, forge: (name, value, over) => forgeKnock(key, knock(over), name, value) };
}

/** `written` with one field set to `value`, a number standing at its end, and an HMAC that is right again. */
export function forgeKnock(
  key: KnockKey,
  written: Buffer,
  name: keyof typeof field,
  value: Uint8Array | number,
): Buffer {
  const { at, size } = field[name];
  const forgery = Buffer.from(written);
  const nonce = written.subarray(field.nonce.at, field.nonce.at + field.nonce.size);
  const turn = () => {
    const hidden = forgery.subarray(field.client.at, field.mac.at);
    hidden.set(createCipheriv('aes-256-ctr', key.cipherKey, nonce).update(hidden));
  };
  turn();
  const bytes = Math.min(6, size);
  if (typeof value !== 'number') forgery.set(value.subarray(0, size), at);
  else forgery.fill(0, at, at + size).writeUIntBE(value, at + size - bytes, bytes);
  turn();
  if (name === 'mac') return forgery;
  forgery.set(createHmac('sha256', key.macKey).update(forgery.subarray(0, field.mac.at)).digest(), field.mac.at);
  return forgery;
}
