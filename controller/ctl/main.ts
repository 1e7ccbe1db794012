/** `posternctl`: the command line of administrators. Every command is one row of a table; each dials the admin socket. */
import { processIo, runCli } from '#shared/base/cli.ts';
import { apiClientCommands } from './api-client-commands.ts';
import { appCommands } from './app-commands.ts';
import { storeCommands } from './authzen/store-commands.ts';
import { connectOptions } from './connect.ts';
import { cutCommands } from './cut-commands.ts';
import { deviceCommands } from './device-commands.ts';
import { gatewayCommands } from './gateway-commands.ts';
import { invitationCommands } from './invitation-commands.ts';
import { keyCommands } from './key-commands.ts';
import { logCommands } from './log-commands.ts';
import { personCommands } from './person-commands.ts';
import { policyCommands } from './policy-commands.ts';
import { recoveryCommands } from './recovery-commands.ts';
import { systemCommands } from './system-commands.ts';

// `posternctl log search | head` ends the reader first: that is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));

process.exitCode = await runCli(
  {
    name: 'posternctl',
    about: 'Administers Postern over the admin socket of the controller.',
    options: connectOptions,
    commands: {
      ...systemCommands,
      ...keyCommands,
      ...personCommands,
      ...invitationCommands,
      ...deviceCommands,
      ...gatewayCommands,
      ...appCommands,
      ...policyCommands,
      ...cutCommands,
      ...logCommands,
      ...recoveryCommands,
      ...apiClientCommands,
      ...storeCommands,
    },
  },
  process.argv.slice(2),
  processIo,
);
