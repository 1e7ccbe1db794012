/** `posternctl gateway`. */
import type { CliCommand } from '#shared/base/cli.ts';
import { withAdmin } from './connect.ts';
import { answerDone, answerList, given, numbered, option, when } from './show.ts';

export const gatewayCommands: Readonly<Record<string, CliCommand>> = {
  'gateway list': {
    about: 'All gateways',
    run: (call) =>
      withAdmin(call, async (admin) => {
        const { items } = await admin.gateways();
        answerList(call, items, ({ id, site, address, state, connection, through, lastSeenAt, certificateEndsAt }) => ({
          id,
          site,
          address,
          state,
          connection,
          through,
          'last seen': when(lastSeenAt),
          'certificate ends': when(certificateEndsAt),
        }));
      }),
  },
  'gateway invite': {
    about: 'Invite a gateway to join a site; prints the invitation',
    args: '<id>',
    options: {
      site: { type: 'string', value: 'ID', about: 'Site whose apps it serves; main unless told' },
      address: { type: 'string', value: 'HOST:PORT', about: 'Where agents reach it', required: true },
      hours: { type: 'string', value: 'N', about: 'How long the invitation is good; 72 unless told' },
    },
    run: (call) =>
      withAdmin(call, async (admin) => {
        const id = call.args[0]!;
        const site = option(call, 'site') ?? 'main';
        const body = given({ id, site, address: option(call, 'address')!, hours: numbered(call, 'hours') });
        const answer = await admin.inviteGateway({ body });
        if (call.json) return call.io.out(JSON.stringify(answer));
        call.io.err(`For gateway ${id}, good once, until ${when(answer.endsAt)}. On its host: postern-gateway join`);
        call.io.out(answer.invitation);
      }),
  },
  'gateway remove': {
    about: 'Revoke a gateway for good: certificate, keys, stream',
    args: '<id>',
    run: (call) =>
      withAdmin(call, async (admin) => {
        await admin.removeGateway({ params: { id: call.args[0]! } });
        answerDone(call, { removed: call.args[0] }, `The gateway ${call.args[0]} is revoked; its stream is cut.`);
      }),
  },
};
