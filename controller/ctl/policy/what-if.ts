/** `posternctl policy what-if`: exit code 1 for a deny, 2 for a person or an app that is not there. */
import type { CliCall, CliCommand } from '#shared/base/cli.ts';
import { asPosternError } from '#shared/base/errors.ts';
import { safeText } from '#shared/base/print-table.ts';
import { withAdmin } from '../connect.ts';
import { flag, given, misuse, option, readTime } from '../show.ts';
import { askedAge } from './asked-age.ts';
import { askedRequest } from './asked-request.ts';
import { versionOption } from './read-draft.ts';
import { tellExplanation, whatIfPeople } from './what-if-people.ts';

export const whatIf: CliCommand = {
  about: 'What would be decided, with reasons and smallest fixes; exit code 1 for a deny',
  args: '[person] [app]',
  options: {
    all: { type: 'boolean', about: 'All people, each with their last real posture and session' },
    group: { type: 'string', value: 'ID', about: 'All members of this group' },
    app: { type: 'string', value: 'ID', about: 'With --all or --group: this app; all apps unless told' },
    draft: { type: 'string', value: 'DIR', about: 'A directory of *.cedar instead of the version in force' },
    ...versionOption,
    operation: { type: 'string', value: 'NAME', about: 'Requests of this operation' },
    device: { type: 'string', value: 'ID', about: 'The device last seen unless told' },
    request: { type: 'string', value: '"METHOD /PATH"', about: 'One request; any unless told' },
    host: { type: 'string', value: 'HOST', about: "Host of that request; the app's first unless told" },
    from: { type: 'string', value: 'ADDRESS', about: 'Network address that they ask from' },
    at: { type: 'string', value: 'TIME', about: 'Like 2026-11-25T10:00; now unless told' },
    'second-factor-age': {
      type: 'string',
      value: 'SECONDS',
      about: 'How long ago the second factor was confirmed, or "never"',
    },
  },
  help: `With --all or --group: exit code 1 when a draft would take something from somebody, and without one when somebody is denied.
Whoever is not signed in is taken to sign in as they did last; without --from everybody asks from an address that is in none of
your networks. Facts keep the age that they have now.`,
  run: async (call) => {
    try {
      const isMany =
        flag(call, 'all') || ['group', 'draft', 'version'].some((name) => option(call, name) !== undefined);
      return await (isMany ? whatIfPeople(call) : ask(call));
    } catch (error) {
      // "No" is an answer to the question; a question about nobody is none.
      const { code, message } = asPosternError(error);
      if (code !== 'not-found' && code !== 'bad-request') throw error;
      call.io.err(`posternctl policy what-if: ${safeText(message)}`);
      return 2;
    }
  },
};

function ask(call: CliCall): Promise<number> {
  return withAdmin(call, async (admin) => {
    const [person, id] = call.args;
    if (person === undefined || id === undefined) throw misuse('say which person and app, or --all');
    if (option(call, 'operation') !== undefined) throw misuse('--operation goes with --all, --group or --draft');
    const app = (await admin.apps()).items.find((known) => known.id === id);
    if (app === undefined) throw misuse(`there is no app ${id}`);
    const at = option(call, 'at');
    const answer = await admin.whatIf({
      body: given({
        person,
        app: id,
        act: app.kind === 'http' ? ('request' as const) : ('connect' as const),
        device: option(call, 'device'),
        from: option(call, 'from'),
        request: askedRequest(call, app),
        at: at === undefined ? undefined : readTime(at, Date.now()),
        secondFactorAgeSeconds: askedAge(call),
      }),
    });
    if (call.json) call.io.out(JSON.stringify(answer));
    else tellExplanation(call.io, person, answer.explanation.words, answer.fixes);
    return answer.verdict === 'allow' ? 0 : 1;
  });
}
