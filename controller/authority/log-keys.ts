/**
 * The keys that sign checkpoints: Ed25519, sealed in their rows as every other key (P33), apart from those of grants, so that neither
 * can stand for the other. All that are `current` sign, one line each: a log changes its key by having two for a while.
 */
import { toBase64url } from '#shared/base/bytes.ts';
import { PosternError } from '#shared/base/errors.ts';
import { ed25519FromSeed, ed25519Seed, generateEd25519 } from '#shared/crypto/ed25519.ts';
import type { Sealer } from '#shared/crypto/seal.ts';
import { formatKeyId, makeNoteKey, type NoteKey } from '#shared/log/note-key.ts';
import { makeNoteSigner, type NoteSigner } from '#shared/log/note-signer.ts';
import type { Db, Trx } from '../store/open-store.ts';

const place = (id: string) => ({ table: 'log_keys', row: id, column: 'sealed' });

/** Whoever signs for the log of this origin; a log without a key gets one. */
export async function openLogSigners(
  db: Db,
  { sealer, at, origin }: { readonly sealer: Sealer; readonly at: number; readonly origin: string },
): Promise<NoteSigner[]> {
  const open = async (trx: Trx) => {
    const rows = await trx
      .selectFrom('log_keys')
      .select(['id', 'sealed'])
      .where('origin', '=', origin)
      .where('state', '=', 'current')
      .orderBy('created_at')
      .execute();
    if (rows.length === 0) return [await addLogKey(trx, { sealer, at, origin })];
    return rows.map(({ id, sealed }) => makeNoteSigner(origin, ed25519FromSeed(sealer.openBytes(sealed, place(id)))));
  };
  return db.isTransaction ? open(db as Trx) : db.transaction().execute(open);
}

/** Another key of the log, beside those that it has. */
export async function addLogKey(
  trx: Trx,
  { sealer, at, origin }: { readonly sealer: Sealer; readonly at: number; readonly origin: string },
): Promise<NoteSigner> {
  const signer = makeNoteSigner(origin, generateEd25519());
  const id = formatKeyId(signer.key.id);
  const row = {
    id,
    origin,
    public_key: toBase64url(signer.key.publicKey),
    sealed: sealer.sealBytes(ed25519Seed(signer.privateKey), place(id)),
    state: 'current',
    created_at: at,
  };
  await trx.insertInto('log_keys').values(row).execute();
  return signer;
}

/** The key by which gateways know the log from their enrolment on. Throws `internal` for a store whose log was never opened. */
export async function readLogKey(db: Db): Promise<NoteKey> {
  const current = (await readLogKeys(db)).find((one) => one.current);
  if (current === undefined) throw new PosternError('internal', 'the log has no key');
  return current.key;
}

/** Public keys, of this log and of those before it: what verifies any checkpoint that this installation ever signed. */
export async function readLogKeys(db: Db): Promise<{ key: NoteKey; current: boolean }[]> {
  const rows = await db
    .selectFrom('log_keys')
    .select(['origin', 'public_key', 'state'])
    .orderBy('created_at')
    .execute();
  return rows.map(({ origin, public_key, state }) => ({
    key: makeNoteKey(origin, 'ed25519', Buffer.from(public_key, 'base64url')),
    current: state === 'current',
  }));
}
