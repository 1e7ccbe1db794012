/** Policy versions by their number, compiled when they are first asked for. */
import { compilePolicies } from '../policy/compile-policies.ts';
import type { PolicyFile } from '../policy/parse-policies.ts';
import type { PolicySet } from '../policy/policy-set.ts';
import type { Db } from '../store/open-store.ts';

/** `gone`: there is no such version, or it cannot be compiled any more. */
export type Version = { readonly set: PolicySet | undefined } | 'gone';

export class PolicyVersions {
  readonly #db: Db;
  readonly #known = new Map<number, Version>();

  constructor(db: Db) {
    this.#db = db;
  }

  /** Version 0 is what was before the first: no policy at all. */
  async load(epoch: number): Promise<Version> {
    let version = this.#known.get(epoch);
    if (version === undefined) {
      version = epoch === 0 ? { set: undefined } : await this.#compile(epoch);
      this.#known.set(epoch, version);
    }
    return version;
  }

  async #compile(epoch: number): Promise<Version> {
    const row = await this.#db
      .selectFrom('policy_versions')
      .select('files')
      .where('epoch', '=', epoch)
      .executeTakeFirst();
    if (row === undefined) return 'gone';
    const { set } = compilePolicies(JSON.parse(row.files) as PolicyFile[], epoch);
    return set === undefined ? 'gone' : { set };
  }
}
