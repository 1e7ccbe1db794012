/** `posternctl policy what-if` for many people, or for one under a draft. */
import type { CliCall } from '#shared/base/cli.ts';
import { printTable, safeText } from '#shared/base/print-table.ts';
import { type WhatIfPeopleResult, whatIfPeopleLine } from '#shared/contracts/admin-analysis.ts';
import { type AdminClient, withAdmin } from '../connect.ts';
import { flag, given, option, plural, readTime, usage } from '../show.ts';
import { askedRequest } from './asked-request.ts';
import { draftOf, readAnalysis } from './read-draft.ts';
import { tellingProblems } from './tell-problems.ts';

export function whatIfPeople(call: CliCall): Promise<number> {
  return withAdmin(call, (admin) =>
    tellingProblems(call, async () => {
      const body = await readBody(call, admin);
      const result = await readAnalysis(call, whatIfPeopleLine, await admin.whatIfPeople({ body }));
      if (call.json) call.io.out(JSON.stringify(result));
      else tell(call, result);
      return (result.draft ? result.lose : result.denied) > 0 ? 1 : 0;
    }),
  );
}

async function readBody(call: CliCall, admin: AdminClient) {
  const [person, named] = call.args;
  const many = flag(call, 'all') || option(call, 'group') !== undefined;
  if (many === (person !== undefined)) throw usage('say one person and app, or --all, or --group');
  if (option(call, 'device') !== undefined) throw usage('--device goes with one person and the version in force');
  const id = named ?? option(call, 'app');
  const app = id === undefined ? undefined : (await admin.apps()).items.find((known) => known.id === id);
  if (id !== undefined && app === undefined) throw usage(`there is no app ${id}`);
  if (app === undefined && option(call, 'request') !== undefined) throw usage('--request wants --app');
  const age = option(call, 'second-factor-age');
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
    secondFactorAgeSeconds: age === undefined ? undefined : Number(age),
  });
}

/** Names in one line of a table; `--json` has all. */
const mostNames = 6;

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
      'would help': fix === undefined ? '' : fix.slice(0, 80),
    }));
    io.out(`\n${title}:\n${printTable(rows).split('\n').map(safeText).join('\n')}`);
  }
}
