/**
 * The grants that a batch of accesses names, as the records of these grants tell of them, which are ours. From there come the facts that an access was decided
 * on (P32), which a gateway cannot know, and what its word is held against.
 */
import { minute } from '#shared/base/clock.ts';
import type { AccessRecord } from '#shared/contracts/record.ts';
import { readColumns, readRow, type Unreadable } from '../log/read-row.ts';
import { readRestoredAt } from '../store/generation.ts';
import type { Trx } from '../store/open-store.ts';
import type { KnownGrant } from './judge-told.ts';

/** No access under a grant is told with a time much earlier than its grant. */
const reachMs = 10 * minute;

export class GrantsOfBatch {
  readonly #trx: Trx;
  readonly #known = new Map<string, KnownGrant | undefined>();
  readonly #unreadable = new Map<string, Unreadable>();
  /** Grants of up to this time may be forgotten here. */
  #forgotten: number | undefined;

  constructor(trx: Trx) {
    this.#trx = trx;
  }

  /** Undefined where there is no record of it that can be read. */
  async find(grant: string): Promise<KnownGrant | undefined> {
    if (this.#known.has(grant)) return this.#known.get(grant);
    const row = await this.#trx
      .selectFrom('records')
      .select([...readColumns])
      .where('grant_id', '=', grant)
      .limit(1)
      .executeTakeFirst();
    const read = row && readRow(row);
    if (read?.unreadable !== undefined) this.#unreadable.set(grant, read.unreadable);
    const known = read?.unreadable === undefined ? read?.record : undefined;
    this.#known.set(grant, known);
    return known;
  }

  /** Records of grants that were asked for. */
  get unreadable(): readonly Unreadable[] {
    return [...this.#unreadable.values()];
  }

  /**
   * Whether the grant of an access of that time can have had a record that is not here any more: it was pruned, or given after the backup that was
   * restored. Or it is here, and somebody made it unreadable.
   */
  async mayBeForgotten(grant: string | undefined, time: number): Promise<boolean> {
    if (grant !== undefined && this.#unreadable.has(grant)) return true;
    if (this.#forgotten === undefined) {
      const pruned = await this.#trx
        .selectFrom('prunings')
        .select(({ fn }) => fn.max<number | null>('last_time').as('time'))
        .where('kinds', 'like', '%"grant":%')
        .executeTakeFirstOrThrow();
      this.#forgotten = Math.max(pruned.time ?? 0, (await readRestoredAt(this.#trx)) ?? 0);
    }
    return this.#forgotten > 0 && time <= this.#forgotten + reachMs;
  }
}

/** Only what was judged is judged again: the end of an access says nothing that its beginning did not. What a gateway says of facts is nothing. */
export function withFacts(
  { facts: _, appFacts: __, ...record }: AccessRecord,
  known: KnownGrant | undefined,
): AccessRecord {
  const { person, app, facts, appFacts } = known ?? {};
  if (record.phase !== 'opening' && record.phase !== 'single') return record;
  if (facts === undefined || person !== record.person || app !== record.app) return record;
  return { ...record, facts, ...(appFacts === undefined ? {} : { appFacts }) };
}
