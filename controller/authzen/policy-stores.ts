/** Policy stores in the database, and those in use in this process: each version is compiled once, and swapped whole. */
import { PosternError } from '#shared/base/errors.ts';
import { type PolicyStoreFiles, storeLimits } from '#shared/contracts/admin-authzen.ts';
import { claimName } from '../store/gone-names.ts';
import type { Db, Trx } from '../store/open-store.ts';
import { buildStore, type CompiledStore } from './build-store.ts';
import type { PlainStore, StorePrepared } from './prepare-store.ts';
import type { StoreJudge } from './store-judge.ts';

export class PolicyStores {
  readonly #db: Db;
  readonly #judge: StoreJudge;
  readonly #held = new Map<string, { readonly version: number; readonly store: Promise<CompiledStore> }>();

  constructor(db: Db, judge: StoreJudge) {
    this.#db = db;
    this.#judge = judge;
  }

  /** Throws as `StoreJudge`. Changes nothing. */
  judge(files: PolicyStoreFiles): Promise<StorePrepared> {
    return this.#judge.judge(files);
  }

  /** What was just put in force needs no second judgement. */
  hold(name: string, version: number, plain: PlainStore): void {
    const held = this.#held.get(name);
    // Of two that overtake each other the later version stays.
    if (held === undefined || held.version < version) this.#held.set(name, { version, store: buildStore(plain) });
  }

  /**
   * The version in force now, whichever process put it there; undefined when there is no such store. Throws `internal` for
   * one that is valid no more, as after an upgrade of the engine.
   */
  async find(name: string): Promise<CompiledStore | undefined> {
    const row = await this.#db
      .selectFrom('policy_stores')
      .select('version')
      .where('name', '=', name)
      .where('in_force', '=', 1)
      .executeTakeFirst();
    if (row === undefined) {
      this.#held.delete(name);
      return undefined;
    }
    const { version } = row;
    let held = this.#held.get(name);
    if (held?.version !== version) {
      held = { version, store: this.#load(name, version) };
      this.#held.set(name, held);
      // The next request tries again.
      held.store.catch(() => this.#held.get(name) === held && this.#held.delete(name));
    }
    return held.store;
  }

  async #load(name: string, version: number): Promise<CompiledStore> {
    const { store, problems } = await this.#judge.judge(await readFiles(this.#db, name, version));
    if (store !== undefined) return buildStore(store);
    throw new PosternError('internal', `policy store ${name} version ${version}: ${problems[0]?.message}`);
  }
}

/** Throws `not-found`. */
export async function readFiles(db: Db, name: string, version?: number): Promise<PolicyStoreFiles> {
  const all = db.selectFrom('policy_stores').select('files').where('name', '=', name);
  const row = await (version === undefined ? all.where('in_force', '=', 1) : all.where('version', '=', version))
    .limit(1)
    .executeTakeFirst();
  if (row === undefined) throw notThere(name, version);
  return JSON.parse(row.files) as PolicyStoreFiles;
}

export interface StoredVersion {
  readonly files: PolicyStoreFiles;
  readonly store: PlainStore;
  readonly by: string;
  readonly message: string;
}

/** Puts it in force as the next version, and forgets the oldest ones. Throws `conflict` for the name of a former store. */
export async function putVersion(trx: Trx, at: number, name: string, given: StoredVersion): Promise<number> {
  const rows = await trx.selectFrom('policy_stores').select('version').where('name', '=', name).execute();
  if (rows.length === 0) await claimName(trx, 'policy store', name);
  const version = Math.max(0, ...rows.map((row) => row.version)) + 1;
  const { counts, schema } = given.store;
  await trx.updateTable('policy_stores').set({ in_force: 0 }).where('name', '=', name).execute();
  await trx
    .insertInto('policy_stores')
    .values({
      name,
      version,
      files: JSON.stringify(given.files),
      policies: counts.policies,
      entities: counts.entities,
      has_schema: schema === undefined ? 0 : 1,
      by: given.by,
      message: given.message,
      at,
      in_force: 1,
    })
    .execute();
  const old = rows
    .map((row) => row.version)
    .sort((a, b) => b - a)
    .slice(storeLimits.versionsKept - 1);
  if (old.length > 0)
    await trx.deleteFrom('policy_stores').where('name', '=', name).where('version', 'in', old).execute();
  return version;
}

export function notThere(name: string, version?: number): PosternError {
  const what = version === undefined ? 'policy store' : 'version of this policy store';
  return new PosternError('not-found', `no policy store ${name} ${version ?? ''}`, {
    tell: `There is no such ${what}.`,
  });
}
