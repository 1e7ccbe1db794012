/** Writes a knock (layout: `contracts/knock.ts`). */
import { createCipheriv, createHmac, randomBytes } from 'node:crypto';
import { addressToBytes } from '../base/address-bytes.ts';
import {
  type DoorTimes,
  epochOf,
  knockFields as field,
  type KnockKind,
  knockAlgorithm,
  knockBytes,
  knockKinds,
  knockVersion,
  maxKnockApps,
  preludeHeadBytes,
} from '../contracts/knock.ts';
import { hotpCode } from './hotp.ts';
import { type KnockKey, knockAppId, knockClientId, knockKeyId } from './knock-keys.ts';

export interface Knock {
  /** Whose key it is: `device/<id>`, `gateway/<id>` or `invitation/<id>`. */
  readonly client: string;
  /** Milliseconds since the epoch, by the sender's clock. */
  readonly time: number;
  /** 1 to 2^53 - 1. */
  readonly counter: number;
  readonly kind: KnockKind;
  /** The address to let in; the observed one when it is not told. */
  readonly source?: string | undefined;
  /** Ids of at most 8 apps. */
  readonly apps?: readonly string[];
  /** 16 bytes, random unless told: for vectors alone. A nonce that is used twice gives both knocks away. */
  readonly nonce?: Uint8Array;
}

/** Throws RangeError for what has no place in the layout. */
export function encodeKnock(key: KnockKey, times: DoorTimes, knock: Knock): Buffer {
  const { client, time, counter, kind, source, apps = [], nonce = randomBytes(field.nonce.size) } = knock;
  const address = source === undefined ? Buffer.alloc(field.source.size) : addressToBytes(source);
  if (address === undefined) throw new RangeError(`${source} is no network address`);
  if (apps.length > maxKnockApps) throw new RangeError(`a knock names at most ${maxKnockApps} apps`);
  if (!Number.isSafeInteger(counter) || counter < 1) throw new RangeError('a counter is 1 to 2^53 - 1');
  if (nonce.length !== field.nonce.size) throw new RangeError(`a nonce has ${field.nonce.size} bytes`);

  const bytes = Buffer.alloc(knockBytes);
  const put = ({ at }: { readonly at: number }, value: Uint8Array) => bytes.set(value, at);
  put(field.keyId, knockKeyId(key, epochOf(time, times)));
  bytes[field.version.at] = knockVersion;
  bytes[field.algorithm.at] = knockAlgorithm;
  put(field.nonce, nonce);
  bytes.writeBigUInt64BE(BigInt(time), field.time.at);
  put(field.client, knockClientId(client));
  bytes.writeBigUInt64BE(BigInt(counter), field.counter.at);
  put(field.source, address);
  bytes[field.kind.at] = knockKinds[kind];
  bytes[field.appCount.at] = apps.length;
  put(field.apps, Buffer.concat(apps.map(knockAppId)));
  put(field.password, Buffer.from(hotpCode(key.passwordSecret, counter, 8), 'ascii'));
  const hidden = bytes.subarray(field.client.at, field.mac.at);
  hidden.set(createCipheriv('aes-256-ctr', key.cipherKey, nonce).update(hidden));
  put(field.mac, createHmac('sha256', key.macKey).update(bytes.subarray(0, field.mac.at)).digest());
  return bytes;
}

/** A knock as the first bytes of a TCP connection. */
export function asPrelude(knock: Uint8Array): Buffer {
  const bytes = Buffer.alloc(preludeHeadBytes + knock.length);
  bytes.writeUInt16BE(knock.length);
  bytes.set(knock, preludeHeadBytes);
  return bytes;
}
