/** Where a page of a search ended: direction, position, and the times that were searched, since "the last hour" moves on. */
import { wrongFilter } from './filter.ts';

export interface Cursor {
  readonly oldest: boolean;
  readonly position: number;
  /** Milliseconds. */
  readonly times?: { readonly from?: number | undefined; readonly to?: number | undefined };
}

export function writeCursor({ oldest, position, times = {} }: Cursor): string {
  const { from, to } = times;
  const window = from === undefined && to === undefined ? '' : `-${from?.toString(36) ?? ''}-${to?.toString(36) ?? ''}`;
  return `${oldest ? 'o' : 'n'}${position}${window}`;
}

/** Throws `bad-request`. */
export function readCursor(text: string): Cursor {
  const read = /^([no])(\d{1,15})(?:-([0-9a-z]{0,10})-([0-9a-z]{0,10}))?$/.exec(text);
  if (read === null) throw wrongFilter('cursor: it is not one; take it from "next" of the page before');
  const [, direction, position, from, to] = read;
  const time = (digits: string | undefined) =>
    digits === undefined || digits === '' ? undefined : Number.parseInt(digits, 36);
  return { oldest: direction === 'o', position: Number(position), times: { from: time(from), to: time(to) } };
}
