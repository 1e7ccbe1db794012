/** `posternctl policy what-if` for many people, or for one under a draft. */
import type { CliCall } from '#shared/base/cli.ts';
import { printTable, safeText } from '#shared/base/print-table.ts';
import { type OneExplained, type WhatIfPeopleResult, whatIfPeopleLine } from '#shared/contracts/admin-analysis.ts';
import { type AdminClient, withAdmin } from '../connect.ts';
import { flag, given, misuse, option, plural, readTime } from '../show.ts';
import { askedAge } from './asked-age.ts';
import { askedRequest } from './asked-request.ts';
import { draftOf, readAnalysis } from './read-draft.ts';
import { tellingProblems } from './tell-problems.ts';

export function whatIfPeople(call: CliCall): Promise<number> {
  return withAdmin(call, (admin) =>
    tellingProblems(call, async () => {
      const body = await readBody(call, admin);
      const result = await readAnalysis(call, whatIfPeopleLine, await admin.whatIfPeople({ body }));
      if (body.people !== undefined && result.withoutDevice.length > 0)
        throw misuse('This person has no device in service.');
      if (call.json) call.io.out(JSON.stringify(result));
      else if (result.one === undefined) tell(call, result);
      else tellOne(call, result, result.one);
      if (result.one !== undefined) return result.one.verdict === 'allow' ? 0 : 1;
      return (result.draft ? result.lose : result.denied) > 0 ? 1 : 0;
    }),
  );
}

async function readBody(call: CliCall, admin: AdminClient) {
  const [person, named] = call.args;
  const many = flag(call, 'all') || option(call, 'group') !== undefined;
  if (many === (person !== undefined)) throw misuse('say one person and app, or --all, or --group');
  if (option(call, 'device') !== undefined) throw misuse('--device goes with one person and the version in force');
  const id = named ?? option(call, 'app');
  const app = id === undefined ? undefined : (await admin.apps()).items.find((known) => known.id === id);
  if (id !== undefined && app === undefined) throw misuse(`there is no app ${id}`);
  if (app === undefined && option(call, 'request') !== undefined) throw misuse('--request wants --app');
  const at = option(call, 'at');
  return given({
    draft: draftOf(call, option(call, 'draft')),
    people: person === undefined ? undefined : [person],
    group: option(call, 'group'),
    app: id,
    operation: option(call, 'operation'),
    request: app === undefined ? undefined : askedRequest(call, app),
    from: option(call, 'from'),
    at: at === undefined ? undefined : readTime(at, Date.now()),
    secondFactorAgeSeconds: askedAge(call),
  });
}

/** What it is now, and the draft's verdict in the words of what-if for the version in force. */
function tellOne({ io, args }: CliCall, { groups }: WhatIfPeopleResult, { explanation, fixes }: OneExplained): void {
  const change = groups[0]?.change;
  const now = change === 'lose' || change === 'allow' ? 'allowed' : 'denied';
  io.out(`In force: ${now}. By the draft:`);
  tellExplanation(io, args[0] ?? '', explanation.words, fixes);
}

export function tellExplanation(
  io: CliCall['io'],
  person: string,
  words: readonly string[],
  fixes: readonly { readonly text: string }[],
): void {
  for (const line of words) io.out(safeText(line));
  if (fixes.length > 0) io.out(`${person} would read`);
  for (const { text } of fixes) io.out(safeText(`  - ${text}`));
}

/** Names in one line of a table; `--json` has all. */
const mostNames = 6;
const mostHelp = 80;

function tell({ io }: CliCall, { people, withoutDevice, denied, lose, gain, draft, groups }: WhatIfPeopleResult): void {
  io.out(
    `${plural(people, 'person')}, ${withoutDevice.length} without a device in service.`.replace('persons', 'people'),
  );
  if (draft)
    io.out(`Would lose something: ${lose}. Would gain something: ${gain}. Would be denied something: ${denied}.`);
  else io.out(`Denied: ${denied}.`);
  for (const [change, title] of [
    ['lose', 'Lose'],
    ['gain', 'Gain'],
    ['deny', draft ? 'Denied as now' : 'Denied'],
    ['allow', draft ? 'Allowed as now' : 'Allowed'],
  ] as const) {
    const own = groups.filter((group) => group.change === change);
    if (own.length === 0) continue;
    const rows = own.map(({ app, reason, policies, fix, people: ids }) => ({
      people: ids.length,
      app,
      reason,
      by: policies.join(','),
      who: ids.length > mostNames ? `${ids.slice(0, mostNames).join(',')},...` : ids.join(','),
      'would help': fix === undefined ? '' : fix.length > mostHelp ? `${fix.slice(0, mostHelp - 3)}...` : fix,
    }));
    io.out(`\n${title}:\n${printTable(rows).split('\n').map(safeText).join('\n')}`);
  }
}
