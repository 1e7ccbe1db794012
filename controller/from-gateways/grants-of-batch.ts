/**
 * What a gateway cannot know of an access: the facts that its grant was decided on (P32). They are taken from the record of
 * the grant, which is ours, and never from what a gateway says.
 */
import type { AccessRecord } from '#shared/contracts/record.ts';
import { recordOf } from '../log/record-row.ts';
import type { Trx } from '../store/open-store.ts';

type Known = Pick<AccessRecord, 'person' | 'app' | 'facts' | 'appFacts'>;

export class GrantsOfBatch {
  readonly #trx: Trx;
  readonly #known = new Map<string, Known>();

  constructor(trx: Trx) {
    this.#trx = trx;
  }

  /** Only what was judged is judged again: the end of an access says nothing that its beginning did not. */
  async complete({ facts: _, appFacts: __, ...record }: AccessRecord): Promise<AccessRecord> {
    const { grant, phase } = record;
    if (grant === undefined || (phase !== 'opening' && phase !== 'single')) return record;
    let known = this.#known.get(grant);
    if (known === undefined) {
      known = await this.#find(grant);
      this.#known.set(grant, known);
    }
    const { person, app, facts, appFacts } = known;
    if (facts === undefined || person !== record.person || app !== record.app) return record;
    return { ...record, facts, ...(appFacts === undefined ? {} : { appFacts }) };
  }

  async #find(grant: string): Promise<Known> {
    const row = await this.#trx
      .selectFrom('records')
      .select(['leaf', 'disclosures'])
      .where('grant_id', '=', grant)
      .limit(1)
      .executeTakeFirst();
    return row === undefined ? {} : recordOf(row);
  }
}
