/** What a search asks for, read from the texts of a query: each that is wrong is refused with what would be right. */

import { PosternError } from '#shared/base/errors.ts';
import { nearestName } from '#shared/base/nearest-name.ts';
import { reasonNames } from '#shared/contracts/reasons.ts';
import { recordKinds } from '#shared/contracts/record.ts';
import { type Network, readNetwork } from './address-terms.ts';
import { type Phrase, readText } from './free-text.ts';

/** Fields that are compared whole; several values of one are "any of them". */
export const wholeFields = [
  'kind',
  'verdict',
  'reason',
  'person',
  'device',
  'app',
  'gateway',
  'session',
  'actor',
  'policy',
  'method',
  'host',
  'operation',
  'event',
] as const;
export type WholeField = (typeof wholeFields)[number];

/** As it stands in a query: texts as people write them, values separated by commas. */
export type FilterQuery = {
  readonly [F in WholeField | 'status' | 'trace' | 'address' | 'path' | 'text']?: string | undefined;
} & {
  /** Milliseconds, inclusive. */
  readonly from?: number | undefined;
  readonly to?: number | undefined;
};

export interface Filter {
  readonly whole: readonly { readonly name: WholeField; readonly values: readonly string[] }[];
  /** Three digits, or the first one or two of them. */
  readonly status: readonly string[];
  /** First digits. */
  readonly trace: string | undefined;
  readonly networks: readonly Network[];
  readonly path: string | undefined;
  readonly phrases: readonly Phrase[];
  /** Whether readings of the log are looked through for words too: when records of this kind are asked for. */
  readonly readings: boolean;
  readonly from: number;
  readonly to: number;
}

const most = 32;
const closed: Partial<Record<WholeField, readonly string[]>> = {
  kind: recordKinds,
  verdict: ['allow', 'deny', 'none'],
  reason: reasonNames,
};

/** Throws `bad-request`, whose `tell` says which filter is wrong and what to write instead. */
export function readFilter(query: FilterQuery): Filter {
  const { from = 0, to = Number.MAX_SAFE_INTEGER, path } = query;
  if (from > to) throw wrongFilter('the time searched ends before it begins: --since must be before --until');
  if (path !== undefined && !path.startsWith('/'))
    throw wrongFilter(`path: "${path}" must begin with /, as in /reports/`);
  return {
    whole: wholeFields.flatMap((name) => {
      const values = listOf(name, query[name]);
      return values.length === 0 ? [] : [{ name, values: values.map((value) => readWhole(name, value)) }];
    }),
    status: listOf('status', query.status).map(readStatus),
    trace: query.trace === undefined ? undefined : readTrace(query.trace),
    networks: listOf('address', query.address).map(readAddress),
    path,
    phrases: query.text === undefined ? [] : readPhrases(query.text),
    readings: listOf('kind', query.kind).includes('log'),
    from,
    to,
  };
}

function listOf(name: string, text: string | undefined): string[] {
  if (text === undefined) return [];
  const values = text.split(',').map((value) => value.trim());
  if (values.some((value) => value === '')) throw wrongFilter(`${name} is empty: give a value, or leave it out`);
  if (values.length > most) throw wrongFilter(`${name}: at most ${most} values at once`);
  return [...new Set(values)];
}

function readWhole(name: WholeField, value: string): string {
  const words = closed[name];
  if (words !== undefined && !words.includes(value)) {
    const near = nearestName(value, words);
    const help =
      words.length <= 20
        ? `one of ${words.join(', ')}`
        : 'a word as records show it; "posternctl log stats --by reason" lists those of the log';
    throw wrongFilter(
      `${name}: "${value}" is not known${near === undefined ? '' : `, did you mean ${near}?`}; ${help}`,
    );
  }
  if (name === 'method') return value.toUpperCase();
  return name === 'host' ? value.toLowerCase() : value;
}

function readStatus(value: string): string {
  const digits = /^([0-9]{3}|[0-9]{2}x|[0-9]xx)$/i.exec(value)?.[1];
  if (digits === undefined) throw wrongFilter(`status: "${value}" is not a status; write 403, 40x or 4xx`);
  return digits.replace(/x+$/i, '');
}

function readTrace(value: string): string {
  const digits = value.toLowerCase();
  if (!/^[0-9a-f]{8,32}$/.test(digits))
    throw wrongFilter(`trace: "${value}" is not a trace; give its first 8 to 32 digits (0-9, a-f)`);
  return digits;
}

function readAddress(value: string): Network {
  const network = readNetwork(value);
  if (network === undefined)
    throw wrongFilter(
      `address: "${value}" is neither an address nor a network; write 10.1.2.3, 10.1.0.0/16 or 2001:db8::/32`,
    );
  return network;
}

function readPhrases(text: string): Phrase[] {
  const phrases = readText(text);
  if (phrases === undefined) throw wrongFilter('text: a quoted phrase has no end; close its "');
  if (phrases.length === 0) throw wrongFilter('text: there is no word in it; words are letters and digits');
  if (phrases.length > most) throw wrongFilter(`text: at most ${most} words at once`);
  const short = phrases.find(({ words, open }) => open && words.at(-1)!.length < 2);
  if (short !== undefined)
    throw wrongFilter(`text: "${short.words.at(-1)}*" is too short; give at least 2 letters before the *`);
  return phrases;
}

export function wrongFilter(tell: string): PosternError {
  return new PosternError('bad-request', tell, { tell });
}
