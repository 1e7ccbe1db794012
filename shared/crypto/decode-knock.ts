/**
 * Reads a knock in the one order of P25: length, key id, HMAC in constant time; only what is authentic is read further.
 * Knows no time, no memory and no policy: those are the door's (`wire/doors/judge-knock.ts`).
 */
import { createDecipheriv, createHmac, timingSafeEqual } from 'node:crypto';
import { bytesToAddress } from '../base/address-bytes.ts';
import {
  knockFields as field,
  type KnockKind,
  type KnockReason,
  knockAlgorithm,
  knockBytes,
  knockKinds,
  knockVersion,
  maxKnockApps,
} from '../contracts/knock.ts';
import { hotpCode } from './hotp.ts';
import type { KnockKey } from './knock-keys.ts';

export interface OpenedKnock {
  /** Milliseconds since the epoch, by the sender's clock. */
  readonly time: number;
  /** 32 bytes: compare with `knockClientId`. */
  readonly client: Buffer;
  readonly counter: number;
  /** Undefined: the address that is observed. */
  readonly source: string | undefined;
  readonly kind: KnockKind;
  /** 16 bytes each: compare with `knockAppId`. */
  readonly apps: readonly Buffer[];
}

export type KnockReading<Entry> =
  | { readonly ok: true; readonly entry: Entry; readonly knock: OpenedKnock }
  /** `entry` only of a knock that proved to be by the holder of its key. */
  | { readonly ok: false; readonly reason: KnockReason; readonly entry?: Entry };

/**
 * `find` looks a key id up, 16 bytes as Latin-1 text. The work for any bytes is bounded: a look-up, two hashes, and of what is
 * authentic one decryption and a one-time password.
 */
export function decodeKnock<Entry extends { readonly key: KnockKey }>(
  bytes: Buffer,
  find: (keyId: string) => Entry | undefined,
): KnockReading<Entry> {
  if (bytes.length !== knockBytes) return { ok: false, reason: 'length' };
  const entry = find(bytes.toString('latin1', 0, field.keyId.size));
  if (entry === undefined) return { ok: false, reason: 'unknown-key' };
  const { key } = entry;
  const mac = createHmac('sha256', key.macKey).update(bytes.subarray(0, field.mac.at)).digest();
  if (!timingSafeEqual(mac, bytes.subarray(field.mac.at))) return { ok: false, reason: 'bad-mac' };

  const failed = (reason: KnockReason): KnockReading<Entry> => ({ ok: false, reason, entry });
  if (bytes[field.version.at] !== knockVersion || bytes[field.algorithm.at] !== knockAlgorithm)
    return failed('version');
  const knock = readFields(bytes, key);
  if (knock === undefined) return failed('malformed');
  const { password, ...opened } = knock;
  const right = Buffer.from(hotpCode(key.passwordSecret, opened.counter, 8), 'ascii');
  if (!timingSafeEqual(right, password)) return failed('wrong-password');
  return { ok: true, entry, knock: opened };
}

function readFields(bytes: Buffer, key: KnockKey): (OpenedKnock & { readonly password: Buffer }) | undefined {
  const part = (of: { readonly at: number; readonly size: number }) => bytes.subarray(of.at, of.at + of.size);
  const decipher = createDecipheriv('aes-256-ctr', key.cipherKey, part(field.nonce));
  const hidden = decipher.update(bytes.subarray(field.client.at, field.mac.at));
  const shown = ({ at, size }: { readonly at: number; readonly size: number }) =>
    hidden.subarray(at - field.client.at, at - field.client.at + size);
  const time = safeInteger(part(field.time));
  const counter = safeInteger(shown(field.counter));
  const kind = kindsByNumber.get(shown(field.kind)[0]!);
  const count = shown(field.appCount)[0]!;
  if (time === undefined || counter === undefined || counter < 1 || kind === undefined) return undefined;
  if (count > maxKnockApps) return undefined;
  const slots = shown(field.apps);
  const size = field.apps.size / maxKnockApps;
  // Zeros only: two knocks never say the same in other bytes, and nothing travels where nobody looks.
  if (slots.subarray(count * size).some((byte) => byte !== 0)) return undefined;
  const source = shown(field.source);
  return {
    time,
    counter,
    kind,
    client: shown(field.client),
    source: source.some((byte) => byte !== 0) ? bytesToAddress(source) : undefined,
    apps: Array.from({ length: count }, (_, index) => slots.subarray(index * size, (index + 1) * size)),
    password: shown(field.password),
  };
}

const kindsByNumber = new Map<number, KnockKind>(
  Object.entries(knockKinds).map(([kind, number]) => [number, kind as KnockKind]),
);

function safeInteger(bytes: Buffer): number | undefined {
  const value = bytes.readBigUInt64BE();
  return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : undefined;
}
