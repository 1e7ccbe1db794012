/** How `posternctl` shows times, lists and answers. */
import { readFileSync } from 'node:fs';
import type { CliCall } from '#shared/base/cli.ts';
import { day, hour, minute, second } from '#shared/base/clock.ts';
import { PosternError } from '#shared/base/errors.ts';
import { type Cell, printTable, safeText } from '#shared/base/print-table.ts';

const two = (n: number): string => String(n).padStart(2, '0');

/** Local time, `2026-11-20 18:33:52`; `-` for none. */
export function when(ms: number | undefined): string {
  if (ms === undefined) return '-';
  const at = new Date(ms);
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${clockTime(ms)}`;
}

export function clockTime(ms: number): string {
  const at = new Date(ms);
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

/** `41 s`, `12 min`, `3 h`, `5 days`. */
export function span(ms: number): string {
  if (ms < 2 * minute) return `${Math.max(0, Math.round(ms / second))} s`;
  if (ms < 2 * hour) return `${Math.round(ms / minute)} min`;
  return ms < 2 * day ? `${Math.round(ms / hour)} h` : `${Math.round(ms / day)} days`;
}

/**
 * `90s`, `15m`, `2h`, `7d`, `2w` ago, `today` and `yesterday` (when they began here), a day, a local time or an ISO time; milliseconds since
 * the epoch.
 */
export function readTime(text: string, now: number): number {
  const ago = /^(\d{1,9})(s|m|h|d|w)$/.exec(text);
  if (ago !== null) return now - Number(ago[1]) * { s: second, m: minute, h: hour, d: day, w: 7 * day }[ago[2] as 's']!;
  if (text === 'now') return now;
  const midnight = new Date(now).setHours(0, 0, 0, 0);
  if (text === 'today') return midnight;
  if (text === 'yesterday') return new Date(midnight - 12 * hour).setHours(0, 0, 0, 0);
  // A day alone would else begin in Greenwich, though all times are shown as they are here.
  const at = Date.parse(/^\d{4}-\d{2}-\d{2}$/.test(text) ? `${text}T00:00` : text);
  if (Number.isNaN(at) || at < 0)
    throw misuse(`"${text}" is no time: 15m, 2h, 7d, today, 2026-11-20, "2026-11-20 10:00" or 2026-11-20T10:00:00Z`);
  return at;
}

export const plural = (n: number, one: string): string => `${n} ${n === 1 ? one : `${one}s`}`;

export function usage(message: string): PosternError {
  return new PosternError('bad-request', message);
}

/** The command line itself is at fault, not what it is about: exit code 2. */
export function misuse(message: string): PosternError {
  return new PosternError('bad-request', message, { extra: { usage: true } });
}

/** Throws `bad-request` for a file that cannot be read. */
export function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw usage(`${path} cannot be read: ${(error as NodeJS.ErrnoException).code}`);
  }
}

/** What stands in the file that an option names. */
export function content(call: CliCall, name: string): string | undefined {
  const path = option(call, name);
  return path === undefined ? undefined : readText(path);
}

/** JSON whole when it was asked for, else a table. */
export function answerList<T>(
  { json, io }: CliCall,
  items: readonly T[],
  row: (item: T) => Readonly<Record<string, Cell>>,
): void {
  io.out(json ? JSON.stringify(items) : printTable(items.map(row)));
}

/** JSON, or one line per member; nested values as JSON, absent ones left out. */
export function answerThing({ json, io }: CliCall, thing: object): void {
  if (json) {
    io.out(JSON.stringify(thing));
    return;
  }
  const members = Object.entries(thing).filter(([, value]) => value !== undefined);
  const width = Math.max(...members.map(([name]) => name.length));
  for (const [name, value] of members) io.out(`${name.padEnd(width)}  ${showValue(name, value)}`);
}

function showValue(name: string, value: unknown): string {
  if (typeof value === 'number' && /(At|^at|^time)$/.test(name)) return when(value);
  if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return safeText(value.join(', ') || '-');
  return safeText(typeof value === 'string' ? value : JSON.stringify(value));
}

/** JSON, or a sentence. */
export function answerDone({ json, io }: CliCall, thing: object, sentence: string): void {
  io.out(json ? JSON.stringify(thing) : safeText(sentence));
}

export const option = ({ values }: CliCall, name: string): string | undefined => values[name] as string | undefined;
export const flag = ({ values }: CliCall, name: string): boolean => values[name] === true;
export const options = ({ values }: CliCall, name: string): string[] => [...((values[name] ?? []) as string[])];

/** One of the words, or a usage error that names them. */
export function oneWord<const W extends string>(text: string, words: readonly W[], what: string): W {
  const found = words.find((known) => known === text);
  if (found === undefined) throw misuse(`${what} is one of: ${words.join(', ')}`);
  return found;
}

/** An option that is one of the words; undefined when it was not given. */
export function chosen<const W extends string>(call: CliCall, name: string, words: readonly W[]): W | undefined {
  const text = option(call, name);
  return text === undefined ? undefined : oneWord(text, words, `--${name}`);
}

/** An option that is a whole number; undefined when it was not given. */
export function numbered(call: CliCall, name: string): number | undefined {
  const text = option(call, name);
  return text === undefined ? undefined : wholeNumber(text, `--${name}`);
}

function wholeNumber(text: string, what: string): number {
  if (!/^\d{1,15}$/.test(text)) throw misuse(`${what} is a whole number`);
  return Number(text);
}

/** Leaves out what was not given: `exactOptionalPropertyTypes`-safe bodies. */
export function given<T extends object>(thing: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(thing).filter(([, value]) => value !== undefined)) as never;
}
