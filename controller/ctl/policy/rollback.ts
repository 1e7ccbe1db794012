/** `posternctl policy rollback`. */
import type { CliCommand } from '#shared/base/cli.ts';
import { PosternError } from '#shared/base/errors.ts';
import { withAdmin } from '../connect.ts';
import { flag, given, misuse, option } from '../show.ts';
import { answerPublished } from './publish.ts';
import { tellingProblems } from './tell-problems.ts';

export const rollback: CliCommand = {
  about: 'Put an earlier version in force, as a new version',
  args: '<epoch>',
  options: {
    message: { type: 'string', short: 'm', value: 'TEXT', about: 'Why' },
    'even-if-it-locks-out': { type: 'boolean', about: 'From the shell: though no administrator could use anything' },
  },
  help: 'Its tests are run and told of, but do not stop it. Where a second administrator must approve, it becomes a draft.',
  run: (call) =>
    withAdmin(call, (admin) =>
      tellingProblems(call, async () => {
        const epoch = Number(call.args[0]);
        if (!Number.isSafeInteger(epoch)) throw misuse('<epoch> is the number of a version');
        const message = option(call, 'message');
        const evenIfItLocksOut = flag(call, 'even-if-it-locks-out') ? true : undefined;
        try {
          const answer = await admin.rollbackPolicy({ body: given({ epoch, message, evenIfItLocksOut }) });
          return answerPublished(call, answer, `Version ${answer.epoch}, the same as ${epoch}, is in force.`);
        } catch (error) {
          if (!(error instanceof PosternError) || error.code !== 'approval-needed') throw error;
          const { files, tests } = await admin.policy({ query: { epoch } });
          const body = { files, tests, message: message ?? `back to version ${epoch}` };
          const { draft } = await admin.draftPolicy({ body });
          if (call.json) call.io.out(JSON.stringify({ draft }));
          else call.io.out(`${draft.id} waits for a second administrator: posternctl policy approve ${draft.id}`);
          return 0;
        }
      }),
    ),
};
