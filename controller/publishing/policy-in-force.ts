/** The policy set in force in this process: an immutable value that is swapped whole, and never for a broken one. */
import { PosternError } from '#shared/base/errors.ts';
import { type Compiled, compilePolicies } from '../policy/compile-policies.ts';
import type { PolicySet } from '../policy/policy-set.ts';
import type { Db } from '../store/open-store.ts';
import type { Tables } from '../store/tables.ts';
import { readVersion } from './version-files.ts';

export class PolicyInForce {
  #set: PolicySet | undefined;

  /** Undefined until a version is in force: everything is denied. */
  readonly current = (): PolicySet | undefined => this.#set;

  /** Versions only rise: of two swaps that overtake each other the later version stays. */
  swap(set: PolicySet): void {
    if (this.#set === undefined || set.epoch > this.#set.epoch) this.#set = set;
  }

  /**
   * Loads the version in force from the store. Throws `policy-invalid` when it no longer compiles, as after an upgrade of
   * the engine: whoever starts the controller decides, and until then nothing is granted.
   */
  async load(db: Db): Promise<PolicySet | undefined> {
    const row = await db.selectFrom('policy_versions').selectAll().where('in_force', '=', 1).executeTakeFirst();
    if (row === undefined) return undefined;
    const { set, problems } = compileStored(row);
    if (set === undefined)
      throw new PosternError('policy-invalid', `policy version ${row.epoch} does not compile: ${problems[0]?.message}`);
    this.swap(set);
    return this.#set;
  }
}

/** What cannot even be read, after a disk or a hand has been at it, is no reason not to start. */
function compileStored({ epoch, files, tests }: Tables['policy_versions']): Compiled {
  try {
    return compilePolicies(readVersion({ files, tests }).files, epoch);
  } catch (cause) {
    throw new PosternError('policy-invalid', `policy version ${epoch} cannot be read`, { cause });
  }
}
