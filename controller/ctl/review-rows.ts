/** Which rows of a review a command is about, and how they are shown. */
import type { CliCall, CliOption } from '#shared/base/cli.ts';
import { mostReviewRows, type ReviewRow } from '#shared/contracts/access-review.ts';
import type { AdminClient } from './connect.ts';
import { type RowFilter, readReview } from './read-review.ts';
import { chosen, flag, given, misuse, option, options, when } from './show.ts';

const decisionWords = ['keep', 'revoke', 'change', 'none'] as const;

export const filterOptions: Readonly<Record<string, CliOption>> = {
  app: { type: 'string', value: 'ID', about: 'Rows of this app' },
  group: { type: 'string', value: 'ID', about: 'Rows that this group gives' },
  person: { type: 'string', value: 'ID', about: 'Rows of this person' },
  decision: { type: 'string', value: 'WORD', about: `Rows with this decision: ${decisionWords.join(', ')}` },
};

export const pickOptions: Readonly<Record<string, CliOption>> = {
  row: { type: 'string', value: 'N', multiple: true, about: 'A row by its number; may be given again' },
  ...filterOptions,
  all: { type: 'boolean', about: 'All rows that this can be about' },
};

export const filterOf = (call: CliCall): RowFilter =>
  given({
    app: option(call, 'app'),
    group: option(call, 'group'),
    person: option(call, 'person'),
    decision: chosen(call, 'decision', decisionWords),
  });

/**
 * The numbers of the rows meant, a call's worth at a time. `usual`: what a filter is narrowed to. Numbers are taken as they are: the controller
 * says what is wrong with them.
 */
export async function pickRows(
  call: CliCall,
  admin: AdminClient,
  { review, usual }: { readonly review: string; readonly usual: RowFilter },
): Promise<number[][]> {
  const filter = filterOf(call);
  const numbers = options(call, 'row').map((text) => {
    if (!/^[1-9]\d{0,8}$/.test(text)) throw misuse('--row is a whole number');
    return Number(text);
  });
  const isFiltered = Object.keys(filter).length > 0;
  if (numbers.length > 0 && isFiltered) throw misuse('give --row or filters, not both');
  if (numbers.length === 0 && !isFiltered && !flag(call, 'all'))
    throw misuse('say which rows: --row, --app, --group, --person, --decision, or --all');
  if (numbers.length === 0) {
    const { rows } = await readReview(admin, review, { ...usual, ...filter });
    numbers.push(...rows.map(({ row }) => row));
  }
  return inParts(numbers);
}

/** As many as a call takes. */
export function inParts(rows: readonly number[]): number[][] {
  const count = Math.ceil(rows.length / mostReviewRows);
  return Array.from({ length: count }, (_, at) => rows.slice(at * mostReviewRows, (at + 1) * mostReviewRows));
}

export const rowCells = ({ row, person, app, lastUsed, since, reviewer, decision, ...right }: ReviewRow) => ({
  row,
  person,
  app,
  by: [...right.policies, ...right.groups.map((group) => `group ${group}`)].join(', '),
  devices: right.devices,
  'last used': when(lastUsed),
  since: when(since),
  reviewer,
  decision: decision === undefined ? undefined : `${decision.decision}${decision.byDefault ? ' (default)' : ''}`,
  reason: decision?.reason,
});
