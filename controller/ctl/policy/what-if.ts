/** `posternctl policy what-if`: exit code 1 for a deny. */
import type { CliCall, CliCommand } from '#shared/base/cli.ts';
import { safeText } from '#shared/base/print-table.ts';
import { withAdmin } from '../connect.ts';
import { given, option, readTime, usage } from '../show.ts';

export const whatIf: CliCommand = {
  about: 'What would be decided, with reasons and smallest fixes; exit code 1 for a deny',
  args: '<person> <app>',
  options: {
    device: { type: 'string', value: 'ID', about: 'The device last seen unless told' },
    request: { type: 'string', value: '"METHOD /PATH"', about: 'One request; any unless told' },
    host: { type: 'string', value: 'HOST', about: "Host of that request; the app's first unless told" },
    from: { type: 'string', value: 'ADDRESS', about: 'Network address' },
    at: { type: 'string', value: 'TIME', about: 'ISO time' },
    'second-factor-age': { type: 'string', value: 'SECONDS', about: 'Age of the second factor; -1 for never' },
  },
  run: ask,
};

function ask(call: CliCall): Promise<number> {
  return withAdmin(call, async (admin) => {
    const [person = '', id = ''] = call.args;
    const app = (await admin.apps()).items.find((known) => known.id === id);
    if (app === undefined) throw usage(`there is no app ${id}`);
    const asked = option(call, 'request');
    const [method = '', target = ''] = asked?.split(' ') ?? [];
    if (asked !== undefined && (app.kind === 'tcp' || !target.startsWith('/')))
      throw usage('--request is like "GET /a?b=c"');
    const [path = '', query = ''] = target.split(/\?(.*)/s);
    const host = option(call, 'host') ?? (app.kind === 'http' ? app.hosts[0]! : '');
    const age = option(call, 'second-factor-age');
    const at = option(call, 'at');
    const answer = await admin.whatIf({
      body: given({
        person,
        app: id,
        act: app.kind === 'http' ? ('request' as const) : ('connect' as const),
        device: option(call, 'device'),
        from: option(call, 'from'),
        request: asked === undefined ? undefined : { method, host, path, query },
        at: at === undefined ? undefined : readTime(at, Date.now()),
        secondFactorAgeSeconds: age === undefined ? undefined : Number(age),
      }),
    });
    if (call.json) call.io.out(JSON.stringify(answer));
    else {
      for (const line of answer.explanation.words) call.io.out(safeText(line));
      if (answer.fixes.length > 0) call.io.out(`${person} would read`);
      for (const { text } of answer.fixes) call.io.out(safeText(`  - ${text}`));
    }
    return answer.verdict === 'allow' ? 0 : 1;
  });
}
