/** `posternctl api-client`: programs that may ask the services listener. */
import type { CliCommand, CliOption } from '#shared/base/cli.ts';
import { withAdmin } from './connect.ts';
import { giveToken } from './give-token.ts';
import { answerDone, answerList, given, misuse, numbered, options, when } from './show.ts';

const tokenFile: CliOption = {
  type: 'string',
  value: 'FILE',
  about: 'Write the token into this new file, readable by you alone, instead of showing it',
};
const days: CliOption = { type: 'string', value: 'N', about: 'How long the token is good; 90 unless told' };

export const apiClientCommands: Readonly<Record<string, CliCommand>> = {
  'api-client add': {
    about: 'Add an API client; its token is shown once',
    args: '<name>',
    options: {
      scope: {
        type: 'string',
        multiple: true,
        value: 'SCOPE',
        about: 'authzen (our own schema) or authzen:STORE (that policy store); several may be given',
      },
      days,
      'token-file': tokenFile,
    },
    help: 'It asks the services listener with the header Authorization: Bearer TOKEN. See docs/authzen.md.',
    run: (call) =>
      withAdmin(call, (admin) => {
        const scopes = options(call, 'scope');
        if (scopes.length === 0) throw misuse('say what it may ask: --scope authzen, or --scope authzen:STORE');
        const body = given({ name: call.args[0]!, scopes, days: numbered(call, 'days') });
        return giveToken(call, () => admin.addApiClient({ body }));
      }),
  },
  'api-client list': {
    about: 'API clients, without their tokens',
    run: (call) =>
      withAdmin(call, async (admin) =>
        answerList(call, (await admin.apiClients()).items, (client) => ({
          name: client.name,
          scopes: client.scopes.join(', '),
          created: when(client.createdAt),
          by: client.createdBy,
          ends: when(client.endsAt),
          'last used': when(client.lastUsedAt),
          ...(client.formerEndsAt === undefined ? {} : { 'former token ends': when(client.formerEndsAt) }),
        })),
      ),
  },
  'api-client rotate': {
    about: 'Give an API client another token, shown once; the former one ends at once',
    args: '<name>',
    options: {
      days,
      overlap: { type: 'string', value: 'HOURS', about: 'How long the former token stays good beside the new one' },
      'token-file': tokenFile,
    },
    run: (call) =>
      withAdmin(call, (admin) => {
        const body = given({ days: numbered(call, 'days'), overlapHours: numbered(call, 'overlap') });
        return giveToken(call, () => admin.rotateApiClient({ params: { name: call.args[0]! }, body }));
      }),
  },
  'api-client remove': {
    about: 'Remove an API client; its token is good for nothing from then on',
    args: '<name>',
    run: (call) =>
      withAdmin(call, async (admin) => {
        const [name = ''] = call.args;
        await admin.removeApiClient({ params: { name } });
        answerDone(call, { removed: name }, `The API client ${name} is removed.`);
      }),
  },
};
