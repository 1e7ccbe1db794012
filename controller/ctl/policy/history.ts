/** `posternctl policy history`. */
import type { CliCommand } from '#shared/base/cli.ts';
import { withAdmin } from '../connect.ts';
import { answerList, when } from '../show.ts';

export const history: CliCommand = {
  about: 'All versions',
  run: (call) =>
    withAdmin(call, async (admin) =>
      answerList(call, (await admin.policyHistory()).items, ({ epoch, inForce, policies, by, at, message }) => ({
        version: epoch,
        'in force': inForce,
        policies: policies ?? '-',
        by,
        at: when(at),
        message,
      })),
    ),
};
