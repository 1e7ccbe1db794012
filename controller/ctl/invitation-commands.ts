/** `posternctl invite`, `invitation`. The text is a secret: alone on standard output, so that it can be piped. */
import type { CliCall, CliCommand } from '#shared/base/cli.ts';
import { withAdmin } from './connect.ts';
import { answerDone, answerList, chosen, given, numbered, when } from './show.ts';

export const invitePerson = (call: CliCall): Promise<void> =>
  withAdmin(call, async (admin) => {
    const person = call.args[0]!;
    const body = given({
      person,
      approval: chosen(call, 'approval', ['none', 'code', 'inventory']),
      ownership: chosen(call, 'ownership', ['company', 'personal', 'unknown']),
      hours: numbered(call, 'hours'),
    });
    const answer = await admin.invite({ body });
    if (call.json) return call.io.out(JSON.stringify(answer));
    call.io.err(`For ${person}, good once, until ${when(answer.endsAt)}. On the device: postern enrol`);
    call.io.out(answer.invitation);
  });

export const invitationCommands: Readonly<Record<string, CliCommand>> = {
  invite: {
    about: 'Invite a person to enrol one device; prints the invitation',
    args: '<person>',
    options: {
      approval: {
        type: 'string',
        value: 'HOW',
        about: 'none, code (compare fingerprints) or inventory (known serial)',
      },
      ownership: { type: 'string', value: 'WHOSE', about: 'company, personal or unknown' },
      hours: { type: 'string', value: 'N', about: 'How long it is good; 72 unless told' },
    },
    run: invitePerson,
  },
  'invitation list': {
    about: 'Invitations, newest first',
    options: { all: { type: 'boolean', about: 'Also those used, voided and expired' } },
    run: (call) =>
      withAdmin(call, async (admin) => {
        const { items } = await admin.invitations();
        const shown = items.filter(({ state }) => call.values['all'] === true || state === 'open');
        answerList(call, shown, ({ id, kind, for: subject, state, createdAt, endsAt, by }) => ({
          id,
          kind,
          for: subject,
          state,
          created: when(createdAt),
          ends: when(endsAt),
          by,
        }));
      }),
  },
  'invitation void': {
    about: 'Void an invitation',
    args: '<id>',
    run: (call) =>
      withAdmin(call, async (admin) => {
        await admin.voidInvitation({ params: { id: call.args[0]! } });
        answerDone(call, { voided: call.args[0] }, `The invitation ${call.args[0]} is void.`);
      }),
  },
};
