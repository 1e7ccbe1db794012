/** `posternctl review`: access reviews. Whoever reads may hold one; rows are decided on by the reviewers they were given to. */
import type { CliCall, CliCommand } from '#shared/base/cli.ts';
import { day } from '#shared/base/clock.ts';
import { printTable, safeText } from '#shared/base/print-table.ts';
import { type ReviewShown, reviewDecisions } from '#shared/contracts/access-review.ts';
import { type AdminClient, withAdmin } from './connect.ts';
import { readReview } from './read-review.ts';
import { reviewExport } from './review-export.ts';
import { filterOf, filterOptions, inParts, pickOptions, pickRows, rowCells } from './review-rows.ts';
import {
  answerDone,
  answerList,
  chosen,
  flag,
  given,
  misuse,
  oneWord,
  option,
  options,
  plural,
  readTime,
  when,
} from './show.ts';

const timeoutMs = 3_600_000;
const usualDays = 14;
const params = (call: CliCall) => ({ name: call.args[0]! });

const asAdmin =
  (run: (call: CliCall, admin: AdminClient) => Promise<unknown>): CliCommand['run'] =>
  (call) =>
    withAdmin(call, (admin) => run(call, admin));

export const reviewCommands: Readonly<Record<string, CliCommand>> = {
  'review start': {
    about: 'Freeze who can reach what now, as rows to be decided on',
    args: '<name>',
    options: {
      about: { type: 'string', value: 'TEXT', about: 'What it is for' },
      due: { type: 'string', value: 'TIME', about: `By when: 14d from now, or a day; ${usualDays} days unless told` },
      reviewer: {
        type: 'string',
        value: 'ID',
        about: 'Who decides, on all rows but their own; else see review assign',
      },
      app: { type: 'string', value: 'ID', multiple: true, about: 'Only this app; may be given again' },
      group: { type: 'string', value: 'ID', multiple: true, about: 'Only members of this group; may be given again' },
      person: { type: 'string', value: 'ID', multiple: true, about: 'Only this person; may be given again' },
    },
    help: 'A name is used once. Of people without a device in service there is no row: nothing can be asked about them.',
    run: asAdmin(start),
  },
  'review list': {
    about: 'Access reviews, the newest first',
    run: asAdmin(async (call, admin) =>
      answerList(call, (await admin.reviews()).items, (one) => ({
        ...{ name: one.name, state: stateOf(one), started: when(one.startedAt), due: when(one.due), rows: one.rows },
        ...{ keep: one.keep, revoke: one.revoke, change: one.change, undecided: one.undecided },
      })),
    ),
  },
  'review show': {
    about: 'A review, its rows, and whether what was to go is really gone by the policy in force',
    args: '<name>',
    options: {
      ...filterOptions,
      reviewer: { type: 'string', value: 'ID', about: 'Rows of this reviewer' },
    },
    run: asAdmin(show),
  },
  'review assign': {
    about: 'Give rows to a reviewer: unassigned ones, unless rows are named or filtered',
    args: '<name> <reviewer>',
    options: { ...pickOptions, from: { type: 'string', value: 'ID', about: 'Rows that this reviewer has now' } },
    help: 'Nobody gets rows about themselves: those are left as they are.',
    run: asAdmin(assign),
  },
  'review decide': {
    about: 'Decide on rows of yours: keep, revoke or change, with --reason',
    args: '<name> <decision>',
    options: {
      ...pickOptions,
      again: { type: 'boolean', about: 'Also on rows that are decided: over what was decided' },
    },
    help: [
      'A filter is about your rows that nobody decided on yet; with --again, --row and --decision decide over what was decided, until the review is closed.',
      'Example: posternctl review decide 2026-q3 revoke --app payroll --group contractors --reason "project ended"',
      'A decision takes nothing from anybody: see posternctl review todo. Reviewers without a role decide with: postern review.',
    ].join('\n'),
    run: asAdmin(decide),
  },
  'review todo': {
    about: 'What administrators must still do, verified by the policy in force; 1 when something is left',
    args: '<name>',
    run: asAdmin(todo),
  },
  'review close': {
    about: 'Close a review: nothing of it changes afterwards',
    args: '<name>',
    options: {
      undecided: {
        type: 'string',
        value: 'WORD',
        about: 'What becomes of undecided rows: keep or revoke, with --reason',
      },
    },
    run: asAdmin(async (call, admin) => {
      const body = given({ undecided: chosen(call, 'undecided', ['keep', 'revoke'] as const) });
      const closed = await admin.closeReview({ params: params(call), body, timeoutMs });
      const { name, keep, revoke, change } = closed;
      answerDone(call, closed, `The review ${name} is closed: ${keep} kept, ${revoke} to go, ${change} to change.`);
    }),
  },
  'review export': reviewExport,
};

const stateOf = ({ state, due, undecided }: ReviewShown): string =>
  state === 'open' && undecided > 0 && due < Date.now() ? 'overdue' : state;

async function start(call: CliCall, admin: AdminClient): Promise<void> {
  const some = (name: string) => (options(call, name).length === 0 ? undefined : options(call, name));
  const body = given({
    ...params(call),
    about: option(call, 'about'),
    due: readDue(option(call, 'due') ?? `${usualDays}d`),
    reviewer: option(call, 'reviewer'),
    apps: some('app'),
    groups: some('group'),
    people: some('person'),
  });
  const review = await admin.startReview({ body, timeoutMs });
  const { name, rows, unassigned } = review;
  const next = unassigned === 0 ? '' : ` ${unassigned} have no reviewer yet: posternctl review assign ${name} WHO`;
  answerDone(call, review, `The review ${name} has ${plural(rows, 'row')}, due ${when(review.due)}.${next}`);
}

function readDue(text: string): number {
  const days = /^(\d{1,4})d$/.exec(text);
  return days === null ? readTime(text, Date.now()) : Date.now() + Number(days[1]) * day;
}

async function show(call: CliCall, admin: AdminClient): Promise<void> {
  const filter = { ...filterOf(call), ...given({ reviewer: option(call, 'reviewer') }) };
  const { review, rows } = await readReview(admin, params(call).name, filter);
  const { items } =
    review.revoke + review.change === 0 ? { items: [] } : await admin.reviewNow({ params: params(call), timeoutMs });
  const now = new Map(items.map((one) => [one.row, one.now]));
  if (call.json) return call.io.out(JSON.stringify({ review, rows, now: items }));
  const { name, about, startedAt, startedBy, epoch, due, undecided, reviewers } = review;
  const lines = [
    `${name}: ${stateOf(review)}${about === undefined ? '' : `, ${about}`}`,
    `Who could reach what at ${when(startedAt)}, by policy version ${epoch}. Begun by ${startedBy}, due ${when(due)}.`,
    `${plural(review.rows, 'row')}: ${review.keep} kept, ${review.revoke} to go, ${review.change} to change, ${undecided} undecided, of which ${review.unassigned} have no reviewer.`,
    ...reviewers.map((one) => `${one.reviewer}: ${plural(one.rows, 'row')}, ${one.undecided} undecided`),
    ...(review.closedAt === undefined ? [] : [`Closed ${when(review.closedAt)} by ${review.closedBy}.`]),
  ];
  for (const line of [...lines, '']) call.io.out(safeText(line));
  call.io.out(printTable(rows.map((row) => ({ ...rowCells(row), now: now.get(row.row) }))));
}

async function assign(call: CliCall, admin: AdminClient): Promise<void> {
  const [name = '', reviewer = ''] = call.args;
  const from = option(call, 'from');
  const wanted = [...options(call, 'row'), ...Object.keys(filterOf(call))].length > 0 || from !== undefined;
  const parts = wanted
    ? await pickRows(from === undefined ? call : withAll(call), admin, {
        review: name,
        usual: given({ reviewer: from, decision: 'none' as const }),
      })
    : await unassigned(admin, name);
  const sum = { assigned: 0, own: [] as number[] };
  for (const rows of parts) {
    const { assigned, own } = await admin.assignReview({ params: { name }, body: { reviewer, rows } });
    sum.assigned += assigned;
    sum.own.push(...own);
  }
  const left = sum.own.length === 0 ? '' : ` About ${reviewer}, and left as they are: ${sum.own.join(', ')}.`;
  answerDone(call, sum, `${plural(sum.assigned, 'row')} for ${reviewer}.${left}`);
}

const withAll = (call: CliCall): CliCall => ({ ...call, values: { ...call.values, all: true } });

async function unassigned(admin: AdminClient, name: string): Promise<number[][]> {
  const { rows } = await readReview(admin, name, { decision: 'none' });
  const open = rows.filter(({ reviewer }) => reviewer === undefined).map(({ row }) => row);
  return inParts(open);
}

async function decide(call: CliCall, admin: AdminClient): Promise<void> {
  const [name = '', word = ''] = call.args;
  const decision = oneWord(word, reviewDecisions, 'the decision');
  if (option(call, 'reason') === undefined) throw misuse('say why: --reason TEXT');
  const { actor } = await admin.whoAmI();
  const parts = await pickRows(call, admin, { review: name, usual: { reviewer: actor, decision: 'none' } });
  const again = flag(call, 'again') ? { again: true } : {};
  let decided = 0;
  for (const rows of parts)
    decided += (await admin.decideReview({ params: { name }, body: { decision, rows, ...again } })).decided;
  answerDone(call, { decision, decided }, `${decision}: ${plural(decided, 'row')}.`);
}

async function todo(call: CliCall, admin: AdminClient): Promise<number> {
  const { at, items } = await admin.reviewNow({ params: params(call), timeoutMs });
  const { undecided } = (await readReview(admin, params(call).name, { decision: 'none' })).review;
  const left = items.filter(({ now }) => now === 'there' || now === 'unknown');
  if (call.json) call.io.out(JSON.stringify({ at, items }));
  else if (left.length === 0) call.io.out(`Nothing is left to do: ${plural(items.length, 'right')} looked at.`);
  // What nobody has decided yet is not done either.
  if (!call.json && undecided > 0)
    call.io.err(
      `${plural(undecided, 'row')} undecided yet: posternctl review show ${params(call).name} --decision none`,
    );
  for (const { row, person, app, decision, now, why, todo: steps = [] } of call.json ? [] : left) {
    call.io.out(
      safeText(`row ${row}: ${decision} ${person} ${app}: ${now === 'there' ? 'still there' : `not known, ${why}`}`),
    );
    for (const step of steps) call.io.out(`  ${safeText(step)}`);
  }
  return left.length === 0 ? 0 : 1;
}
