/**
 * Checks the rows of an access review against the records of the log that an evidence bundle proves: each right is the one that was
 * frozen, and each decision is the last one that its reviewer put on record. Needs nothing but Node.
 */
import { hash } from 'node:crypto';
import type { ReviewRow, ReviewShown } from '../contracts/access-review.ts';

export const reviewName = 'review.json';

/** The content of `review.json`, as far as it is checked. */
export interface ReviewFile {
  readonly review: Pick<ReviewShown, 'name' | 'state' | 'digest' | 'closedAt'>;
  readonly rows: readonly ReviewRow[];
}

/** A record whose place in the log is proved. */
export interface ProvedRecord {
  readonly record: Readonly<Record<string, unknown>>;
  readonly disclosed: Readonly<Record<string, unknown>>;
  readonly withheld: readonly string[];
}

/** What stands for a person who was erased. */
export const erasedPerson = 'erased';

/** A right as it was frozen. */
export interface FrozenRight {
  readonly row: number;
  readonly person: string;
  readonly app: string;
  readonly policies: readonly string[];
  readonly groups: readonly string[];
  readonly conditions: readonly string[];
  readonly devices: number;
  readonly lastUsed?: number;
  readonly since?: number;
}

/** Hex SHA-256. */
export function digestOfRight(salt: string, right: FrozenRight): string {
  const { row, person, app, policies, groups, conditions, devices, lastUsed = null, since = null } = right;
  return sha(JSON.stringify([salt, row, person, app, policies, groups, conditions, devices, lastUsed, since]));
}

export const digestOfRows = (digests: readonly string[]): string => sha(digests.join('\n'));

const sha = (text: string): string => hash('sha256', text, 'hex');

/** In words, each naming its row; empty when all is as the log has it. Throws for a file of another form. */
export function checkReview({ review, rows }: ReviewFile, proved: readonly ProvedRecord[]): string[] {
  const faults: string[] = [];
  const told = proved.filter(({ record }) => record['kind'] === 'review').map(readTold);
  const own = told.filter(({ details }) => details?.['review'] === review.name);
  const started = own.find(({ event }) => event === 'review-started');
  if (started === undefined) return [`the records tell of no review "${review.name}"`];
  for (const [at, row] of rows.entries()) {
    if (row.row !== at + 1) return [`row ${at + 1} is missing, or out of its place`];
    const isBare = row.person === erasedPerson && row.salt === undefined;
    if (!isBare && digestOfRight(row.salt ?? '', row) !== row.digest)
      faults.push(`${nameOf(row)} is not as it was frozen`);
  }
  const digest = digestOfRows(rows.map((row) => row.digest));
  if (started.details?.['rows'] !== rows.length)
    faults.push(`there are ${rows.length} rows, and the review began with ${String(started.details?.['rows'])}`);
  else if (digest !== started.details['digest'] || digest !== review.digest)
    faults.push('the rows are not those that the review began with');
  const last = new Map<unknown, Told>();
  for (const one of own) if (one.event === 'review-decided') last.set(one.details?.['row'], one);
  for (const row of rows)
    if (row.person !== erasedPerson || last.has(row.row)) faults.push(...checkDecision(row, last.get(row.row)));
  // Of whoever was erased since, the records say only that there was a decision.
  const bare = told.filter(({ event, details }) => event === 'review-decided' && details === undefined).length;
  const unsaid = rows.filter((row) => row.person === erasedPerson && row.decision !== undefined && !last.has(row.row));
  if (unsaid.length > bare)
    faults.push(`${unsaid.length} rows are said to be of people who were erased, and the records tell of ${bare}`);
  const closed = own.findIndex(({ event }) => event === 'review-closed');
  if (closed >= 0 !== (review.state === 'closed')) faults.push('whether it is closed is not what the log says');
  else if (closed >= 0 && own.slice(closed + 1).some(({ event }) => event === 'review-decided'))
    faults.push('something was decided after it was closed');
  return faults;
}

interface Told {
  readonly event: unknown;
  readonly time: unknown;
  readonly app: unknown;
  readonly person: unknown;
  readonly actor: unknown;
  readonly because: unknown;
  readonly details: Readonly<Record<string, unknown>> | undefined;
  readonly withheld: readonly string[];
}

function readTold({ record, disclosed, withheld }: ProvedRecord): Told {
  const { event, time, app } = record;
  const { person, actor, because, details } = disclosed;
  return { event, time, app, person, actor, because, details: details as Told['details'], withheld };
}

function checkDecision(row: ReviewRow, told: Told | undefined): string[] {
  const { decision } = row;
  if (told === undefined && decision === undefined) return [];
  if (told === undefined) return [`${nameOf(row)}: the log has no decision, the file says ${decision?.decision}`];
  if (decision === undefined)
    return [`${nameOf(row)}: the log says ${String(told.details?.['decision'])}, the file nothing`];
  const wanted: Readonly<Record<string, unknown>> = {
    app: row.app,
    person: row.person === erasedPerson ? undefined : row.person,
    actor: decision.by,
    because: decision.reason,
    time: decision.at,
  };
  const faults: string[] = [];
  const complain = (what: string, log: unknown, file: unknown) =>
    faults.push(
      `${nameOf(row)}: the ${what} on record is ${JSON.stringify(log)}, the file says ${JSON.stringify(file)}`,
    );
  const { details = {} } = told;
  if (details['decision'] !== decision.decision) complain('decision', details['decision'], decision.decision);
  if ((details['byDefault'] === true) !== (decision.byDefault === true))
    complain('default', details['byDefault'] === true, decision.byDefault === true);
  if (details['digest'] !== row.digest) complain('right', details['digest'], row.digest);
  for (const [name, value] of Object.entries(wanted)) {
    const log = told[name as keyof Told];
    if (log !== value && !told.withheld.includes(name)) complain(name === 'actor' ? 'reviewer' : name, log, value);
  }
  return faults;
}

const nameOf = ({ row, person, app }: ReviewRow): string => `row ${row} (${person}, ${app})`;
