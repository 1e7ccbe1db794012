/**
 * One page of a search: candidates are tried one after the other until the page is full or its time is up. Then the cursor
 * says where the next page begins, so that however large a store is no search holds up anything else.
 */

import { Turns } from '../take-turns.ts';
import type { DecisionPoint, Found } from './decision-point.ts';
import type { Search } from './read-request.ts';

export interface SearchPage {
  readonly results: readonly Found[];
  /** Undefined when all was looked at. */
  readonly next: string | undefined;
}

const usualPage = 100;
/** Work of one page; a page may end before it is full, even with nothing found yet. */
const pageMs = 250;

export async function runSearch(
  point: DecisionPoint,
  search: Search,
  after: string | undefined,
  mostMs = pageMs,
): Promise<SearchPage> {
  const turns = new Turns();
  const results: Found[] = [];
  const limit = search.limit ?? usualPage;
  let last = after;
  for await (const { cursor, test } of point.candidates(search, after)) {
    // One is always tried, so that pages go on however slow the machine is.
    if (results.length >= limit || (last !== after && turns.spentMs > mostMs)) return { results, next: last };
    const found = await test();
    if (found !== undefined) results.push(found);
    last = cursor;
    await turns.pause();
  }
  return { results, next: undefined };
}
