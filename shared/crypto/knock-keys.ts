/** Keys and names of the knock (layout and derivation: `contracts/knock.ts`). */
import { createHmac, hkdfSync, randomBytes } from 'node:crypto';
import { sha256 } from '../base/bytes.ts';
import { knockFields, knockSecretBytes } from '../contracts/knock.ts';

/** What one door needs to read the knocks of one client. */
export interface KnockKey {
  readonly idKey: Buffer;
  readonly cipherKey: Buffer;
  readonly macKey: Buffer;
  readonly passwordSecret: Buffer;
}

export const newKnockSecret = (): Buffer => randomBytes(knockSecretBytes);

/** The secret of one owner (`session/<id>`, `device/<id>` and so on) out of one that only the controller has. */
export function ownedSecret(root: Uint8Array, owner: string): Buffer {
  return derive(root, `postern knock owner\0${owner}`, knockSecretBytes);
}

/** The 32 bytes that `door` is given of a device's secret: of no use at any other door. */
export function doorSecret(secret: Uint8Array, door: string): Buffer {
  return derive(secret, `postern knock door\0${door}`, knockSecretBytes);
}

/** Throws for anything but 32 bytes. */
export function openKnockKey(secretOfDoor: Uint8Array): KnockKey {
  const all = derive(secretOfDoor, 'postern knock v1', 116);
  return {
    idKey: all.subarray(0, 32),
    cipherKey: all.subarray(32, 64),
    macKey: all.subarray(64, 96),
    passwordSecret: all.subarray(96, 116),
  };
}

/** 16 bytes; the same for all knocks of one epoch. */
export function knockKeyId({ idKey }: KnockKey, epoch: number): Buffer {
  const counted = Buffer.alloc(8);
  counted.writeBigUInt64BE(BigInt(epoch));
  return createHmac('sha256', idKey).update(counted).digest().subarray(0, knockFields.keyId.size);
}

/** The 256 bits that stand for a `device/<id>`, `gateway/<id>` or `invitation/<id>` in its knocks. */
export const knockClientId = (client: string): Buffer => sha256('postern client\0', client);

/** The 128 bits that stand for an app. */
export const knockAppId = (app: string): Buffer => sha256('postern app\0', app).subarray(0, 16);

function derive(secret: Uint8Array, info: string, length: number): Buffer {
  if (secret.length !== knockSecretBytes) throw new TypeError(`a knock secret has ${knockSecretBytes} bytes`);
  return Buffer.from(hkdfSync('sha256', secret, '', info, length));
}
