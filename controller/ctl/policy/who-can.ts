/** `posternctl policy who-can`. */
import type { CliCall, CliCommand } from '#shared/base/cli.ts';
import { printTable, safeText } from '#shared/base/print-table.ts';
import { type AccessOfPerson, type WhoCanResult, whoCanLine } from '#shared/contracts/admin-analysis.ts';
import { withAdmin } from '../connect.ts';
import { given, option, readTime } from '../show.ts';
import { draftOf, readAnalysis, versionOption } from './read-draft.ts';
import { tellingProblems } from './tell-problems.ts';

export const whoCan: CliCommand = {
  about: 'Who can use an app: by which device, group and policy, and on what conditions; before and after a draft',
  args: '<app> [operation]',
  options: {
    draft: { type: 'string', value: 'DIR', about: 'A directory of *.cedar: what it gives and takes' },
    ...versionOption,
    group: { type: 'string', value: 'ID', about: 'Only members of this group' },
    from: { type: 'string', value: 'ADDRESS', about: 'Asked from this network address; any unless told' },
    at: { type: 'string', value: 'TIME', about: 'ISO time; the coming week unless told' },
  },
  help: `Everybody is taken to do what they can: to sign in with every factor, to put their device right, to come at another time
or from another network. What they must do is a condition. Who cannot by any of that is not listed.`,
  run: (call) =>
    withAdmin(call, (admin) =>
      tellingProblems(call, async () => {
        const [app = '', operation] = call.args;
        const at = option(call, 'at');
        const body = given({
          app,
          operation,
          draft: draftOf(call, option(call, 'draft')),
          group: option(call, 'group'),
          from: option(call, 'from'),
          at: at === undefined ? undefined : readTime(at, Date.now()),
        });
        const result = await readAnalysis(call, whoCanLine, await admin.whoCan({ body }));
        if (call.json) call.io.out(JSON.stringify(result));
        else tell(call, result);
      }),
    ),
};

function tell({ io }: CliCall, result: WhoCanResult): void {
  const { app, operation, people, withoutDevice, can, gains, losses, changed, draft } = result;
  const what = operation === undefined ? app : `${app} ${operation}`;
  io.out(`${can.length} of ${people} people can use ${what}; ${withoutDevice.length} have no device in service.`);
  const section = (title: string, list: readonly AccessOfPerson[]) => {
    if (list.length === 0) return;
    const rows = list.flatMap(({ person, devices }) =>
      devices.map(({ device, policies, use, groups, conditions }) => ({
        person,
        device,
        by: policies.join(','),
        use: use ?? '',
        through: groups.join(','),
        conditions: conditions.map(({ text }) => text).join('; '),
      })),
    );
    io.out(`\n${title}:\n${printTable(rows).split('\n').map(safeText).join('\n')}`);
  };
  if (!draft) {
    section('Who can', can);
    return;
  }
  io.out(
    `Would gain it: ${gains.length}. Would lose it: ${losses.length}. By other ways or conditions: ${changed.length}.`,
  );
  section('Gain', gains);
  section('Lose', losses);
  section(
    'Before',
    changed.map(({ before }) => before),
  );
  section(
    'After',
    changed.map(({ after }) => after),
  );
}
