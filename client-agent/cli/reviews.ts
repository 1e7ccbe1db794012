/** `postern review`: access reviews with rows for this person to decide. */
import type { CliCall } from '#shared/base/cli.ts';
import { PosternError } from '#shared/base/errors.ts';
import { printTable, safeText } from '#shared/base/print-table.ts';
import { mostReviewRows, type ReviewRow, reviewDecisions } from '#shared/contracts/access-review.ts';
import type { Control } from '../control/open-control.ts';
import { ask } from './ask-account.ts';
import { withAgent } from './with-agent.ts';
import { ago, answer } from './words.ts';

export async function listReviews(call: CliCall): Promise<void> {
  const found = await withAgent(call, (control) => ask(control, 'reviews'));
  answer(call, found, () =>
    call.io.out(printTable(found.reviews.map(({ due, ...one }) => ({ ...one, due: iso(due) })))),
  );
}

export async function showReview(call: CliCall): Promise<void> {
  const found = await withAgent(call, (control) => readMine(control, call.args[0]!));
  answer(call, found, () => {
    const { name, about, due, undecided } = found.review;
    call.io.out(safeText(`${name}${about === undefined ? '' : `: ${about}`}, ${undecided} undecided, due ${iso(due)}`));
    call.io.out(printTable(found.rows.map(cells)));
  });
}

export async function decideReview(call: CliCall): Promise<void> {
  const [name = '', word = ''] = call.args;
  const decision = reviewDecisions.find((known) => known === word);
  if (decision === undefined) throw misuse(`the decision is one of: ${reviewDecisions.join(', ')}`);
  const reason = call.values['reason'] as string | undefined;
  if (reason === undefined || reason.trim() === '') throw misuse('say why: --reason TEXT');
  const again = call.values['again'] === true ? { again: true } : {};
  const decided = await withAgent(call, async (control) => {
    const rows = await pick(call, control, name);
    for (let at = 0; at < rows.length; at += mostReviewRows) {
      const body = { decision, reason, rows: rows.slice(at, at + mostReviewRows), ...again };
      await ask(control, 'decideReview', { params: { name }, body });
    }
    return rows.length;
  });
  answer(call, { decision, decided }, () => call.io.out(`${decision}: ${decided} ${decided === 1 ? 'row' : 'rows'}.`));
}

async function readMine(control: Control, name: string) {
  const rows: ReviewRow[] = [];
  for (let after = 0; ; ) {
    const page = await ask(control, 'review', { params: { name }, query: { after } });
    rows.push(...page.rows);
    if (page.next === undefined) return { review: page.review, rows };
    after = page.next;
  }
}

/** Numbers as they are; a filter is about rows that are not decided on. */
async function pick(call: CliCall, control: Control, name: string): Promise<number[]> {
  const numbers = (call.values['row'] ?? []) as string[];
  const wanted = { app: call.values['app'], person: call.values['person'] };
  const isFiltered = wanted.app !== undefined || wanted.person !== undefined;
  if ([numbers.length > 0, isFiltered, call.values['all'] === true].filter(Boolean).length !== 1)
    throw misuse('say which rows: --row, or --app and --person, or --all');
  if (numbers.some((text) => !/^[1-9]\d{0,8}$/.test(text))) throw misuse('--row is a whole number');
  if (numbers.length > 0) return numbers.map(Number);
  const { rows } = await readMine(control, name);
  return rows
    .filter(({ decision, app, person }) => {
      const isOf = (wanted.app ?? app) === app && (wanted.person ?? person) === person;
      return decision === undefined && isOf;
    })
    .map(({ row }) => row);
}

const iso = (ms: number): string => new Date(ms).toISOString().slice(0, 10);

const cells = ({ row, person, app, policies, groups, devices, lastUsed, decision }: ReviewRow) => ({
  ...{ row, person, app },
  by: [...policies, ...groups.map((group) => `group ${group}`)].join(', '),
  devices,
  used: lastUsed === undefined ? 'never' : ago(Date.now() - lastUsed),
  decision: decision?.decision,
  reason: decision?.reason,
});

const misuse = (message: string) => new PosternError('bad-request', message, { extra: { usage: true } });
