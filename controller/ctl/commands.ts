/** Every command of `posternctl` is one row of this table; each dials the admin socket. */
import type { Cli } from '#shared/base/cli.ts';
import { apiClientCommands } from './api-client-commands.ts';
import { appCommands } from './app-commands.ts';
import { storeCommands } from './authzen/store-commands.ts';
import { connectOptions } from './connect.ts';
import { cutCommands } from './cut-commands.ts';
import { deviceCommands } from './device-commands.ts';
import { gatewayCommands } from './gateway-commands.ts';
import { holdCommands } from './hold-commands.ts';
import { invitationCommands } from './invitation-commands.ts';
import { keyCommands } from './key-commands.ts';
import { logAnchorCommands } from './log-anchor-commands.ts';
import { logCommands } from './log-commands.ts';
import { logSearchCommands } from './log-search-commands.ts';
import { logStreamCommands } from './log-stream-commands.ts';
import { personCommands } from './person-commands.ts';
import { policyCommands } from './policy-commands.ts';
import { proofCommands } from './proof-commands.ts';
import { recoveryCommands } from './recovery-commands.ts';
import { reportCommands } from './report-commands.ts';
import { retentionCommands } from './retention-commands.ts';
import { reviewCommands } from './review-commands.ts';
import { systemCommands } from './system-commands.ts';

export const posternctl: Cli = {
  name: 'posternctl',
  about: 'Administers Postern over the admin socket of the controller.',
  options: connectOptions,
  exitCodes: { unreachable: 3, unavailable: 3 },
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
    ...logSearchCommands,
    ...logCommands,
    ...proofCommands,
    ...retentionCommands,
    ...holdCommands,
    ...logStreamCommands,
    ...logAnchorCommands,
    ...reportCommands,
    ...reviewCommands,
    ...recoveryCommands,
    ...apiClientCommands,
    ...storeCommands,
  },
};
