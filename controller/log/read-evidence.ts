/** Records of a period with the proofs that they stand in the tree of one checkpoint, a page at a time. */

import type { EvidenceLine } from '#shared/contracts/admin-evidence.ts';
import { type Disclosure, encodeDisclosure } from '#shared/log/disclosures.ts';
import { nodesFromTiles } from '#shared/log/tiles.ts';
import { proveInclusion } from '#shared/log/tree-proofs.ts';
import type { ProveParts } from './prove-record.ts';

export interface Period {
  /** Milliseconds, both inclusive. */
  readonly from: number;
  readonly to: number;
}

const pageSize = 500;

export async function* readEvidence({ db, keeper }: ProveParts, { from, to }: Period): AsyncGenerator<EvidenceLine> {
  const { size, checkpoint } = await keeper.settle();
  yield { t: 'checkpoint', checkpoint };
  const node = nodesFromTiles((tile) => keeper.tiles.read(tile), size);
  let records = 0;
  for (let after = -1; ; ) {
    const rows = await db
      .selectFrom('log_leaves')
      .innerJoin('records', 'records.position', 'log_leaves.position')
      .select(['leaf_index', 'leaf', 'disclosures'])
      .where('leaf_index', '>', after)
      .where('leaf_index', '<', size)
      .where('time', '>=', from)
      .where('time', '<=', to)
      .orderBy('leaf_index')
      .limit(pageSize)
      .execute();
    for (const { leaf_index: index, leaf, disclosures } of rows) {
      const path = (await proveInclusion(index, size, node)).map((hash) => hash.toString('base64'));
      const shown = (JSON.parse(disclosures) as Disclosure[]).map((one) => encodeDisclosure(JSON.stringify(one)));
      yield { t: 'record', index, leaf, disclosures: shown, path };
    }
    records += rows.length;
    if (rows.length < pageSize) break;
    after = rows.at(-1)!.leaf_index;
  }
  yield { t: 'end', records };
}
