/**
 * Knock secrets (P26), all made out of one root that is sealed in the store (P33): nothing has to be kept for each device, and
 * nothing is left when its owner goes. What may be used is decided by the owner's own state.
 */
import { toBase64url } from '#shared/base/bytes.ts';
import { PosternError } from '#shared/base/errors.ts';
import { gatewayDoor, knockSecretBytes } from '#shared/contracts/knock.ts';
import { doorSecret, newKnockSecret, ownedSecret } from '#shared/crypto/knock-keys.ts';
import type { Sealer } from '#shared/crypto/seal.ts';
import type { Db } from '../store/open-store.ts';

const key = 'knock_root';
const place = { table: 'meta', row: key, column: 'value' };

export class KnockSecrets {
  readonly #root: Uint8Array;

  constructor(root: Uint8Array) {
    if (root.length !== knockSecretBytes) throw new TypeError(`a knock secret has ${knockSecretBytes} bytes`);
    this.#root = root;
  }

  /** For the controller's door, by its owner (`knock-owners.ts`), base64url. */
  of(owner: string): string {
    return toBase64url(ownedSecret(this.#root, owner));
  }

  /** For gateways' doors, base64url. */
  ofSession(session: string): string {
    return toBase64url(ownedSecret(this.#root, `session/${session}`));
  }

  /** What this one gateway is given of a session's, base64url. */
  ofSessionAt(session: string, gateway: string): string {
    return toBase64url(doorSecret(ownedSecret(this.#root, `session/${session}`), gatewayDoor(gateway)));
  }
}

/** The store's own; one that has none gets one. */
export async function openKnockSecrets({ db, sealer }: { readonly db: Db; readonly sealer: Sealer }) {
  const found = await db.selectFrom('meta').select('value').where('key', '=', key).executeTakeFirst();
  if (found !== undefined) return new KnockSecrets(sealer.openBytes(found.value, place));
  const root = newKnockSecret();
  const value = sealer.sealBytes(root, place);
  await db
    .insertInto('meta')
    .values({ key, value })
    .onConflict((conflict) => conflict.column('key').doNothing())
    .execute();
  const kept = await db.selectFrom('meta').select('value').where('key', '=', key).executeTakeFirst();
  // Another controller may have been quicker: one root for all.
  if (kept === undefined) throw new PosternError('internal', 'the knock root was not kept');
  return new KnockSecrets(sealer.openBytes(kept.value, place));
}
