/**
 * The root's key off the machine and back (P33). It is needed once in nine months, for the next issuing CA; the rest of the time
 * whoever takes this host cannot make one. The file is PKCS #8 under a passphrase, so that any tool can read it.
 */
import { createPrivateKey, createPublicKey, type KeyObject, X509Certificate } from 'node:crypto';
import { closeSync, constants, fstatSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import { PosternError } from '#shared/base/errors.ts';
import { privateKeyFromPem, privateKeyToPem } from '#shared/crypto/keys.ts';
import type { Sealer } from '#shared/crypto/seal.ts';
import type { Db, Trx } from '../store/open-store.ts';
import { authorityPlace } from './certificate-authorities.ts';

export interface RootKeyFile {
  /** Absolute, on this host. */
  readonly file: string;
  readonly passphrase: string;
}

type AlsoIn = (trx: Trx) => Promise<void>;
const maxFile = 16 * 1024;

/**
 * Writes the key to a new file, reads it back, and only then takes it out of the store. Returns the root's SHA-256 fingerprint.
 * Throws `conflict` when it is away already or the file exists, `bad-request` for a path that cannot be written.
 */
export async function takeRootKey(db: Db, sealer: Sealer, order: RootKeyFile, also: AlsoIn): Promise<string> {
  const root = await readRoot(db);
  if (root.sealed === null) throw refuse('conflict', 'The key of the root CA is not on this machine.');
  const key = privateKeyFromPem(sealer.openText(root.sealed, authorityPlace(root.id)));
  const { passphrase } = order;
  writeNew(order.file, key.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase }) as string);
  const certificate = requireKeyOf(root.certificate, readKey(order));
  await db.transaction().execute(async (trx) => {
    await trx.updateTable('authorities').set({ sealed: null }).where('id', '=', root.id).execute();
    await also(trx);
  });
  return certificate.fingerprint256;
}

/** Throws `bad-request` for a file or passphrase that does not give the key of the root in force. */
export async function bringRootKey(db: Db, sealer: Sealer, order: RootKeyFile, also: AlsoIn): Promise<string> {
  const root = await readRoot(db);
  if (root.sealed !== null) throw refuse('conflict', 'The key of the root CA is on this machine already.');
  const key = readKey(order);
  const certificate = requireKeyOf(root.certificate, key);
  await db.transaction().execute(async (trx) => {
    const sealed = sealer.sealText(privateKeyToPem(key), authorityPlace(root.id));
    await trx.updateTable('authorities').set({ sealed }).where('id', '=', root.id).execute();
    await also(trx);
  });
  return certificate.fingerprint256;
}

async function readRoot(db: Db) {
  return db
    .selectFrom('authorities')
    .select(['id', 'certificate', 'sealed'])
    .where('kind', '=', 'root')
    .where('state', '=', 'current')
    .orderBy('since', 'desc')
    .executeTakeFirstOrThrow();
}

function requireKeyOf(pem: string, key: KeyObject): X509Certificate {
  const certificate = new X509Certificate(pem);
  if (certificate.checkPrivateKey(key)) return certificate;
  throw refuse('bad-request', 'That file holds another key than the one of the root CA.');
}

function writeNew(file: string, text: string): void {
  if (!isAbsolute(file)) throw refuse('bad-request', 'The path must be absolute: it is on the host of the controller.');
  let handle: number;
  try {
    handle = openSync(file, 'wx', 0o600);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'EEXIST') throw refuse('conflict', 'That file exists: a key never overwrites one.');
    throw refuse('bad-request', `The file cannot be written there: ${code ?? 'unknown error'}.`, cause);
  }
  try {
    writeSync(handle, text);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

function readKey({ file, passphrase }: RootKeyFile): KeyObject {
  if (!isAbsolute(file)) throw refuse('bad-request', 'The path must be absolute: it is on the host of the controller.');
  let text: string;
  try {
    // A pipe that nobody writes to would hold up the whole controller.
    const handle = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const stat = fstatSync(handle);
      if (!stat.isFile() || stat.size > maxFile) throw new Error('no file of a key');
      text = readFileSync(handle, 'utf8');
    } finally {
      closeSync(handle);
    }
  } catch (cause) {
    throw refuse('bad-request', 'The file cannot be read on the host of the controller.', cause);
  }
  try {
    const key = createPrivateKey({ key: text, format: 'pem', passphrase });
    createPublicKey(key);
    return key;
  } catch (cause) {
    throw refuse('bad-request', 'The file is no key, or the passphrase is another one.', cause);
  }
}

function refuse(code: 'bad-request' | 'conflict', tell: string, cause?: unknown): PosternError {
  return new PosternError(code, undefined, { tell, cause });
}
