/** Where a page of a search ended: direction, position, and the times that were searched, since "the last hour" moves on; and of which search. */
import { createHash } from 'node:crypto';
import { wrongFilter } from './filter.ts';

export interface Cursor {
  readonly oldest: boolean;
  readonly position: number;
  /** Milliseconds. */
  readonly times?: { readonly from?: number | undefined; readonly to?: number | undefined };
}

/** A cursor that is taken to another search, or to another log, would leave out what nobody asked to leave out. It is no secret and proves nothing. */
export function searchTag(log: string, query: Readonly<Record<string, unknown>>): string {
  const filters = Object.entries(query).filter(
    ([name, value]) => value !== undefined && name !== 'from' && name !== 'to',
  );
  filters.sort(([a], [b]) => (a < b ? -1 : 1));
  return createHash('sha256')
    .update(JSON.stringify([log, filters]))
    .digest('hex')
    .slice(0, 8);
}

/** At most 47 characters. */
export function writeCursor({ oldest, position, times = {} }: Cursor, tag: string): string {
  const { from, to } = times;
  const window = from === undefined && to === undefined ? '' : `-${from?.toString(36) ?? ''}-${to?.toString(36) ?? ''}`;
  return `${oldest ? 'o' : 'n'}${position}${window}.${tag}`;
}

/** Throws `bad-request`. */
export function readCursor(text: string, tag: string): Cursor {
  const read = /^([no])(\d{1,15})(?:-([0-9a-z]{0,10})-([0-9a-z]{0,10}))?\.([0-9a-f]{8})$/.exec(text);
  if (read === null) throw wrongFilter('cursor: it is not one; take it from "next" of the page before');
  const [, direction, position, from, to, of] = read;
  if (of !== tag)
    throw wrongFilter('cursor: it is of another search or another log; give the same filters, or begin without it');
  const time = (digits: string | undefined) =>
    digits === undefined || digits === '' ? undefined : Number.parseInt(digits, 36);
  return { oldest: direction === 'o', position: Number(position), times: { from: time(from), to: time(to) } };
}
