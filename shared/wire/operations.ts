/**
 * Names of requests (P9): `export: POST /reports/* /export` without the space. Policies, tests, what-if and records use the
 * name; a request without one has the empty operation. Pure.
 *
 * `*` as a whole segment is one segment that is not empty; inside a segment it is any run of characters but `/`; a final
 * `**` is all the rest, which may be empty (`/a/**` is `/a/`, `/a/b` and `/a/b/c`, and not `/a`). The method may be `*`.
 */
import type { HttpApp } from '../contracts/app.ts';

type Operations = NonNullable<HttpApp['operations']>;

interface Compiled {
  readonly name: string;
  readonly method: string;
  readonly path: RegExp;
  readonly rank: string;
}

/** Why a pattern is not one, in words for an admin; undefined when it is right. */
export function checkOperationPattern(pattern: string): string | undefined {
  const match = /^([A-Z]+|\*) (\/[^\s?#]*)$/.exec(pattern);
  if (match === null) return 'write it as METHOD /path';
  const segments = match[2]!.split('/').slice(1);
  if (segments.slice(0, -1).includes('**')) return '** may stand only at the end';
  if (segments.some((segment) => segment.includes('**') && segment !== '**')) return '** must be a whole segment';
  if (match[1] === 'HEAD') return 'HEAD is judged as GET: name GET';
  return undefined;
}

/**
 * The operation of a canonical request, or ''. When several patterns match, the most exact one names it: segment by
 * segment a literal comes before `*` and `*` before `**`; then a named method; then the name in alphabetical order.
 */
export function operationOf(
  app: { readonly kind?: string; readonly operations?: Operations | undefined },
  request: { readonly method: string; readonly path: string },
): string {
  if (app.operations === undefined) return '';
  return compiled(app.operations)[placeOf(app.operations, request)]?.name ?? '';
}

/** Of the pattern that names it, the most exact first; behind all of them when none does. */
function placeOf(operations: Operations, request: { readonly method: string; readonly path: string }): number {
  const all = compiled(operations);
  const method = request.method === 'HEAD' ? 'GET' : request.method;
  const at = all.findIndex(
    ({ method: wanted, path }) => (wanted === '*' || wanted === method) && path.test(request.path),
  );
  return at < 0 ? all.length : at;
}

/**
 * True for a request spelled so that an app which reads `//` as `/`, a backslash as `/` or `;x` as nothing would see one that a more exact
 * pattern names: it would be judged as one thing and done as another. An encoded slash counts where no pattern names the
 * request as it stands: in apps that tell the two apart it is part of a name. `path`: canonical.
 */
export function hidesOperation(
  app: { readonly operations?: Operations | undefined },
  request: { readonly method: string; readonly path: string },
): boolean {
  const { operations } = app;
  if (operations === undefined || !/\/\/|%2F|%5C|;|%3B/.test(request.path)) return false;
  const own = placeOf(operations, request);
  const isNamed = own < compiled(operations).length;
  return readingsOf(request.path, isNamed ? otherReadings : [/%2F/g, ...otherReadings]).some(
    (path) => placeOf(operations, { method: request.method, path }) < own,
  );
}

const otherReadings = [/%5C/g, /(?:;|%3B)[^/]*/g, /\/{2,}/g];

/** With each of these read the other way or not: parameters go, all else is one slash. */
function readingsOf(path: string, others: readonly RegExp[]): string[] {
  const otherwise = (reading: string, other: RegExp) =>
    reading.replace(other, (found) => (/^(?:;|%3B)/.test(found) ? '' : '/'));
  return others.reduce(
    (readings, other) => readings.flatMap((reading) => [reading, otherwise(reading, other)]),
    [path],
  );
}

/** True when requests like this one are granted one by one (P18), because the app says so. */
export function isOnceOperation(
  app: Parameters<typeof operationOf>[0] & { readonly once?: readonly string[] | undefined },
  request: { readonly method: string; readonly path: string },
): boolean {
  return app.once?.includes(operationOf(app, request)) === true;
}

/** A memo of pure results: an app is an immutable value, swapped whole. */
const memo = new WeakMap<Operations, readonly Compiled[]>();

function compiled(operations: Operations): readonly Compiled[] {
  const known = memo.get(operations);
  if (known !== undefined) return known;
  const list = Object.entries(operations)
    // A pattern that is none matches nothing; who stores it complains with `checkOperationPattern`.
    .filter(([, pattern]) => checkOperationPattern(pattern) === undefined)
    .map(([name, pattern]) => compile(name, pattern))
    .sort((a, b) => compare(a.rank, b.rank) || compare(a.name, b.name));
  memo.set(operations, list);
  return list;
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function compile(name: string, pattern: string): Compiled {
  const [method, path] = pattern.split(' ') as [string, string];
  const segments = path.split('/').slice(1);
  // Digits compare as text: 0 literal, 1 partly literal, 2 `*`, 3 `**`.
  const ranks = segments.map((segment) =>
    segment === '**' ? '3' : segment === '*' ? '2' : segment.includes('*') ? '1' : '0',
  );
  const source = segments.map((segment) => {
    if (segment === '**') return '.*';
    if (segment === '*') return '[^/]+';
    return segment.split('*').map(escapeRegExp).join('[^/]*');
  });
  return {
    name,
    method,
    path: new RegExp(`^/${source.join('/')}$`),
    rank: `${ranks.join('')}${method === '*' ? '9' : '8'}`,
  };
}

const escapeRegExp = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
