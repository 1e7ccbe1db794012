/** `posternctl policy rollback`. */
import type { CliCommand } from '#shared/base/cli.ts';
import { withAdmin } from '../connect.ts';
import { given, option, usage } from '../show.ts';
import { answerCut } from '../show-cut.ts';
import { tellingProblems } from './tell-problems.ts';

export const rollback: CliCommand = {
  about: 'Put an earlier version in force, as a new version',
  args: '<epoch>',
  options: { message: { type: 'string', short: 'm', value: 'TEXT', about: 'Why' } },
  run: (call) =>
    withAdmin(call, (admin) =>
      tellingProblems(call, async () => {
        const epoch = Number(call.args[0]);
        if (!Number.isSafeInteger(epoch)) throw usage('<epoch> is the number of a version');
        const answer = await admin.rollbackPolicy({ body: given({ epoch, message: option(call, 'message') }) });
        if (call.json) return call.io.out(JSON.stringify(answer));
        answerCut(call, answer.cut, `Version ${answer.epoch}, the same as ${epoch}, is in force.`);
      }),
    ),
};
