/** Records of a period with the proofs that they stand in the tree of one checkpoint, a page at a time. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { EvidenceLine } from '#shared/contracts/admin-evidence.ts';
import { disclosureTexts, encodeDisclosure } from '#shared/log/disclosures.ts';
import type { SealedRecord } from '#shared/log/leaf.ts';
import { nodesFromTiles } from '#shared/log/tiles.ts';
import { proveInclusion } from '#shared/log/tree-proofs.ts';
import type { ProveParts } from './prove-record.ts';
import { tryRecord } from './read-row.ts';

export interface Period {
  /** Milliseconds, both inclusive. */
  readonly from: number;
  readonly to: number;
  /** Records of this access review alone, and those of whoever was erased since that could be of it. */
  readonly review?: string | undefined;
}

/** Records in one go, so that decisions wait no longer. */
const pageSize = 100;

export async function* readEvidence(
  { db, keeper }: ProveParts,
  { from, to, review }: Period,
): AsyncGenerator<EvidenceLine> {
  const { size, checkpoint } = await keeper.settleWitnessed();
  yield { t: 'checkpoint', checkpoint };
  const node = nodesFromTiles((tile) => keeper.tiles.read(tile), size);
  let records = 0;
  for (let after = -1; ; ) {
    let query = db
      .selectFrom('log_leaves')
      .innerJoin('records', 'records.position', 'log_leaves.position')
      .select(['leaf_index', 'leaf', 'disclosures'])
      .where('leaf_index', '>', after)
      .where('leaf_index', '<', size)
      .where('time', '>=', from)
      .where('time', '<=', to)
      .orderBy('leaf_index')
      .limit(pageSize);
    if (review !== undefined) query = query.where('kind', '=', 'review');
    const rows = await query.execute();
    for (const { leaf_index: index, leaf, disclosures } of rows) {
      if (review !== undefined && !isOf(review, { leaf, disclosures })) continue;
      records += 1;
      const path = (await proveInclusion(index, size, node)).map((hash) => hash.toString('base64'));
      yield { t: 'record', index, leaf, disclosures: shownOf(disclosures), path };
    }
    if (rows.length < pageSize) break;
    after = rows.at(-1)!.leaf_index;
    await nextTurn();
  }
  yield { t: 'end', records };
}

/** What cannot be read is handed on as it stands: whoever checks the evidence finds the record that does not hold. Left out it would look erased. */
function shownOf(disclosures: string): string[] {
  try {
    return disclosureTexts(disclosures).map(encodeDisclosure);
  } catch {
    return [encodeDisclosure(disclosures)];
  }
}

/** One that cannot be read could be of it. */
function isOf(review: string, row: SealedRecord): boolean {
  const record = tryRecord(row);
  if (typeof record === 'string') return true;
  const { details } = record;
  return details === undefined || details['review'] === review;
}
