/** The proof that a record stands in the log, under the newest checkpoint. Checked before it is given out. */
import { PosternError } from '#shared/base/errors.ts';
import type { RecordProof } from '#shared/contracts/admin-proofs.ts';
import { isConsistent, isIncluded } from '#shared/log/check-tree.ts';
import { type Disclosure, encodeDisclosure } from '#shared/log/disclosures.ts';
import { nodesFromTiles } from '#shared/log/tiles.ts';
import { leafHash } from '#shared/log/tree-hash.ts';
import { proveConsistency, proveInclusion, rootFromNodes } from '#shared/log/tree-proofs.ts';
import type { Db } from '../store/open-store.ts';
import type { LogKeeper } from './log-keeper.ts';
import { tryRecord } from './read-row.ts';

export interface ProveParts {
  readonly db: Db;
  readonly keeper: LogKeeper;
}

const toText = (hash: Buffer): string => hash.toString('base64');

/** Throws `not-found` for a record that is not there (any more), `log-held`, and `log-broken` when the tree does not bear it out. */
export async function proveRecord({ db, keeper }: ProveParts, id: string): Promise<RecordProof> {
  const state = await keeper.settleWitnessed();
  const row = await db
    .selectFrom('records')
    .innerJoin('log_leaves', 'log_leaves.position', 'records.position')
    .select(['leaf', 'disclosures', 'leaf_index'])
    .where('id', '=', id)
    .executeTakeFirst();
  if (row === undefined) {
    throw new PosternError('not-found', undefined, { tell: `The log has no record ${id}, or not any more.` });
  }
  const head = { size: state.size, root: Buffer.from(state.root, 'hex') };
  const node = nodesFromTiles((tile) => keeper.tiles.read(tile), head.size);
  const index = row.leaf_index;
  const path = await proveInclusion(index, head.size, node);
  if (!isIncluded(leafHash(Buffer.from(row.leaf)), index, path, head)) {
    throw new PosternError('log-broken', undefined, {
      tell: `Leaf ${index} (${id}) is not what the tree says: run "posternctl log verify".`,
    });
  }
  const read = tryRecord(row);
  if (typeof read === 'string') {
    throw new PosternError('log-broken', undefined, {
      tell: `Leaf ${index} (${id}) cannot be read (${read}): run "posternctl log verify".`,
    });
  }
  const disclosures = (JSON.parse(row.disclosures) as Disclosure[]).map((one) => ({
    name: one[1],
    text: encodeDisclosure(JSON.stringify(one)),
  }));
  return { index, leaf: row.leaf, disclosures, path: path.map(toText), checkpoint: state.checkpoint };
}

/** Throws `bad-request` for sizes that the log does not have, `log-broken` when its tiles do not bear it out. */
export async function proveGrowth({ keeper }: ProveParts, from: number, to: number): Promise<{ path: string[] }> {
  const { size } = await keeper.state();
  if (from > to || to > size) {
    throw new PosternError('bad-request', undefined, {
      tell: `The log has ${size} leaves: it has no growth from ${from} to ${to}.`,
    });
  }
  const node = nodesFromTiles((tile) => keeper.tiles.read(tile), to);
  const path = await proveConsistency(from, to, node);
  const before = {
    size: from,
    root: await rootFromNodes(
      from,
      nodesFromTiles((tile) => keeper.tiles.read(tile), from),
    ),
  };
  if (!isConsistent(before, { size: to, root: await rootFromNodes(to, node) }, path)) {
    throw new PosternError('log-broken', undefined, {
      tell: 'The tiles of the log contradict each other: run "posternctl log verify".',
    });
  }
  return { path: path.map(toText) };
}
