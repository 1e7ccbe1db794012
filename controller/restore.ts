/**
 * Putting a backup back (P35), while no controller runs. What happened after the backup is unknown, so everything that could
 * have been given since is made worthless: a new stream generation, no session, no code, every grant taken back, every
 * floor above whatever version was in force.
 */
import {
  chmodSync,
  closeSync,
  constants,
  copyFileSync,
  existsSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '#shared/base/clock.ts';
import { PosternError } from '#shared/base/errors.ts';
import type { Log } from '#shared/base/log.ts';
import { openSealer } from './authority/master-key.ts';
import { openAuthority } from './authority/open-authority.ts';
import { doubtKnockCounters } from './identity/knock-counters.ts';
import { databaseName } from './init.ts';
import { lockDirectory } from './lock-directory.ts';
import { appendRecord } from './log/append-record.ts';
import { forgetRunning } from './log/life-records.ts';
import { revoke } from './revocation/revoke.ts';
import { noteRestored, startGeneration } from './store/generation.ts';
import { openStore, type Store, type Trx } from './store/open-store.ts';

export interface RestoreOrder {
  readonly dir: string;
  /** The backup. */
  readonly from: string;
  readonly env: Record<string, string | undefined>;
  readonly clock: Clock;
  readonly log: Log;
}

export interface Restored {
  readonly generation: string;
  readonly sessions: number;
  readonly codes: number;
  readonly epoch: number;
  /** Where the former database stands now; absent when there was none. */
  readonly former?: string;
}

/** More than can have happened between a backup and its restore. */
const beyond = { changes: 1_000_000, versions: 1000 } as const;

/** Throws `conflict` while a controller runs there, `invalid-config` for what is no backup or another master key's. */
export async function restoreBackup(order: RestoreOrder): Promise<Restored> {
  const { dir, from, clock } = order;
  if (!existsSync(from)) throw new PosternError('invalid-config', `there is no file ${from}`);
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const lock = lockDirectory(dir);
  const draft = join(dir, `${databaseName}.restoring`);
  const target = join(dir, databaseName);
  try {
    remove(draft);
    copyFileSync(from, draft, constants.COPYFILE_EXCL);
    chmodSync(draft, 0o600);
    const done = await prepare(draft, order);
    flush(draft);
    const former = existsSync(target) ? `${target}.before-${clock.now()}` : undefined;
    if (former !== undefined) await keepFormer(target, former);
    // In one step: killed at any moment, the directory has the former database or the restored one.
    renameSync(draft, target);
    flush(dir);
    return { ...done, ...(former === undefined ? {} : { former }) };
  } finally {
    remove(draft);
    await lock.stop();
  }
}

/** Under a second name, so that there is no moment without a database under the first. */
async function keepFormer(target: string, former: string): Promise<void> {
  try {
    // Opened and closed once, so that what stands beside it in its log is in the file.
    await (await openStore(target)).stop();
  } catch {
    // It is damaged, which may be why it is replaced. What belongs to it is kept beside it.
    for (const suffix of ['-wal', '-shm']) {
      if (existsSync(target + suffix)) renameSync(target + suffix, former + suffix);
    }
  }
  linkSync(target, former);
  for (const suffix of ['-wal', '-shm']) rmSync(target + suffix, { force: true });
}

function flush(path: string): void {
  const fd = openSync(path, 'r');
  fsyncSync(fd);
  closeSync(fd);
}

function remove(file: string): void {
  for (const suffix of ['', '-wal', '-shm']) rmSync(file + suffix, { force: true });
}

async function prepare(file: string, { dir, env, clock, log, from }: RestoreOrder): Promise<Omit<Restored, 'former'>> {
  const store = await openBackup(file);
  try {
    const sealer = openSealer({ dir, env, create: false });
    // Opens its keys: a backup that this master key does not fit is refused while the old database is still in place.
    await openAuthority({ store, sealer, clock, log });
    return await store.db.transaction().execute((trx) => makeWorthless(trx, clock.now(), from));
  } finally {
    await store.stop();
  }
}

async function openBackup(file: string): Promise<Store> {
  try {
    return await openStore(file);
  } catch (cause) {
    throw new PosternError('invalid-config', 'that file is no backup of a controller', { cause });
  }
}

async function makeWorthless(trx: Trx, at: number, from: string): Promise<Omit<Restored, 'former'>> {
  const generation = await startGeneration(trx);
  await noteRestored(trx, at);
  await trx
    .updateTable('change_counter')
    .set((eb) => ({ n: eb('n', '+', beyond.changes) }))
    .execute();
  // Gateways start with a snapshot: what the log says of the changes before means nothing to them.
  await trx.deleteFrom('changes').execute();
  await trx
    .updateTable('gateways')
    .set((eb) => ({ generation: null, through: 0, restored_through: eb.ref('records_through'), restored_at: at }))
    .execute();
  const ended = await trx
    .updateTable('sessions')
    .set({ state: 'ended', ended_because: 'restored', ends_at: at })
    .where('state', '=', 'live')
    .executeTakeFirst();
  for (const table of ['sign_in_flows', 'admin_sessions', 'nonces', 'throttle'] as const) {
    await trx.deleteFrom(table).execute();
  }
  // A token that was removed or rotated since would be good again: each client is given another (api-client rotate).
  await trx.updateTable('api_clients').set({ ends_at: at, former_hash: null, former_ends_at: null }).execute();
  const codes = await voidCodes(trx, at);
  await revoke(trx, at, [{ kind: 'everything', ids: [''], reason: 'revoked' }]);
  const epoch = await raiseEverything(trx, at);
  // What was signed after the backup is not in it: nothing is signed until somebody shows that nothing was, or opens another log.
  await trx.updateTable('log_state').set({ held: 'restored' }).execute();
  await doubtKnockCounters(trx, at);
  await trx.deleteFrom('log_known').execute();
  await forgetRunning(trx);
  const sessions = Number(ended.numUpdatedRows);
  await appendRecord(trx, at, {
    kind: 'controller',
    actor: 'shell',
    because: 'restore',
    event: 'restored',
    details: { from, generation, sessions, codes, epoch },
  });
  return { generation, sessions, codes, epoch };
}

/** Codes used since the backup would be good again: all are voided. A step of an authenticator's is not good twice either. */
async function voidCodes(trx: Trx, at: number): Promise<number> {
  const invitations = await trx
    .updateTable('invitations')
    .set({ state: 'voided' })
    .where('state', '=', 'open')
    .executeTakeFirst();
  const recovery = await trx
    .updateTable('recovery_codes')
    .set({ used_at: at })
    .where('used_at', 'is', null)
    .executeTakeFirst();
  const step = Math.floor(at / 30_000) + 1;
  await trx
    .updateTable('factors')
    .set({ last_step: step })
    .where('kind', '=', 'totp')
    .where('last_step', '<', step)
    .execute();
  return Number(invitations.numUpdatedRows) + Number(recovery.numUpdatedRows);
}

/** The version in force becomes a new one, above whatever was published since; no grant of a lower one is accepted. */
async function raiseEverything(trx: Trx, at: number): Promise<number> {
  const versions = await trx.selectFrom('policy_versions').selectAll().execute();
  const current = versions.find(({ in_force }) => in_force === 1);
  const epoch = Math.max(0, ...versions.map((version) => version.epoch)) + beyond.versions;
  await trx.updateTable('policy_versions').set({ in_force: 0 }).execute();
  const { files = '[]', tests = '[]', policies = 0, names = null } = current ?? {};
  const row = { epoch, files, tests, policies, names, by: 'shell', message: 'restored from a backup', at };
  await trx
    .insertInto('policy_versions')
    .values({ ...row, in_force: current === undefined ? 0 : 1 })
    .execute();
  await trx.deleteFrom('floors').execute();
  const apps = await trx.selectFrom('apps').select('id').execute();
  if (apps.length > 0) {
    await trx
      .insertInto('floors')
      .values(apps.map(({ id }) => ({ app_id: id, epoch })))
      .execute();
  }
  return epoch;
}
