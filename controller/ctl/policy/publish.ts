/** `posternctl policy publish`. */
import type { CliCommand } from '#shared/base/cli.ts';
import { safeText } from '#shared/base/print-table.ts';
import { withAdmin } from '../connect.ts';
import { readPolicyDirectory } from '../read-directory.ts';
import { given, numbered, option, usage } from '../show.ts';
import { answerCut } from '../show-cut.ts';
import { tellingProblems } from './tell-problems.ts';

export const publish: CliCommand = {
  about: 'Publish a directory of *.cedar files as a new version',
  args: '<dir>',
  options: {
    message: { type: 'string', short: 'm', value: 'TEXT', about: 'What changed; the reason unless told' },
    'expected-epoch': { type: 'string', value: 'N', about: 'Refuse unless this version is in force' },
  },
  run: (call) =>
    withAdmin(call, (admin) =>
      tellingProblems(call, async () => {
        const files = readPolicyDirectory(call.args[0]!);
        const expectedEpoch = numbered(call, 'expected-epoch');
        const message = option(call, 'message') ?? option(call, 'reason');
        if (message === undefined) throw usage('say what changed: --message TEXT, or --reason TEXT');
        const body = given({ files, message, expectedEpoch });
        const answer = await admin.publishPolicy({ body });
        if (call.json) return call.io.out(JSON.stringify(answer));
        for (const warning of answer.warnings) call.io.err(`warning: ${safeText(warning)}`);
        answerCut(call, answer.cut, `Version ${answer.epoch} is in force.`);
      }),
    ),
};
