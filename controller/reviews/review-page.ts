/** An access review as files: CSV, and a page for people. */
import type { ReviewRow, ReviewShown } from '#shared/contracts/access-review.ts';
import type { RightNow } from '#shared/contracts/admin-reviews.ts';
import { csvCell } from '../log/formats/csv.ts';
import { escaped, htmlPage, htmlTable } from '../reports/bundle-page.ts';

export interface ReviewWhole {
  readonly review: ReviewShown;
  readonly rows: readonly ReviewRow[];
  /** Of rows that were to go or to change: whether they have, when this was made. */
  readonly now: readonly RightNow[];
}

const columns = [
  ...['row', 'person', 'app', 'policies', 'groups', 'conditions', 'devices', 'lastUsed', 'since'],
  ...['reviewer', 'decision', 'reason', 'decidedBy', 'decidedAt', 'byDefault', 'now'],
];

const iso = (ms: number | undefined): string => (ms === undefined ? '' : new Date(ms).toISOString());

function cellsOf({ rows, now }: ReviewWhole): string[][] {
  const states = new Map(now.map((one) => [one.row, one.now]));
  return rows.map((one) => [
    ...[String(one.row), one.person, one.app, one.policies.join(', '), one.groups.join(', ')],
    ...[one.conditions.join('; '), String(one.devices), iso(one.lastUsed), iso(one.since), one.reviewer ?? ''],
    ...[one.decision?.decision ?? '', one.decision?.reason ?? '', one.decision?.by ?? '', iso(one.decision?.at)],
    ...[one.decision?.byDefault === true ? 'yes' : '', states.get(one.row) ?? ''],
  ]);
}

export function reviewCsv(whole: ReviewWhole): string {
  return [columns, ...cellsOf(whole)].map((cells) => `${cells.map(csvCell).join(',')}\r\n`).join('');
}

export function reviewPage(whole: ReviewWhole, origin: string): string {
  const { review } = whole;
  const { name, about, state, startedAt, startedBy, due, epoch, rows, keep, revoke, change, undecided } = review;
  const lines = [
    ...(about === undefined ? [] : [about]),
    `Who could reach what at ${iso(startedAt)} by policy version ${epoch === 0 ? 'none' : epoch}, of ${origin}. Begun by ${startedBy}, due ${iso(due)}.`,
    `${rows} rights: ${keep} kept, ${revoke} taken, ${change} to change, ${undecided} undecided.`,
    state === 'closed' ? `Closed ${iso(review.closedAt)} by ${review.closedBy}.` : 'Not closed: this is how far it is.',
    'This page is for reading. What proves it: node check-proof.mjs FOLDER --key KEY, with the key of the log from elsewhere.',
  ];
  return htmlPage(
    `Access review: ${name}`,
    `<h1>${escaped(`Access review ${name}`)}</h1>
${lines.map((line) => `<p>${escaped(line)}</p>`).join('\n')}
${htmlTable(columns, cellsOf(whole))}`,
  );
}
