/** `posternctl policy validate`. */
import type { CliCommand } from '#shared/base/cli.ts';
import { withAdmin } from '../connect.ts';
import { readPolicyDirectory } from '../read-directory.ts';
import { tellProblems } from './tell-problems.ts';

export const validate: CliCommand = {
  about: 'Validate a directory of *.cedar files; changes nothing',
  args: '<dir>',
  run: (call) =>
    withAdmin(call, async (admin) => {
      const answer = await admin.validatePolicy({ body: { files: readPolicyDirectory(call.args[0]!) } });
      if (call.json) call.io.out(JSON.stringify(answer));
      else {
        tellProblems(call, answer.problems);
        call.io.out(answer.valid ? 'valid' : 'not valid');
      }
      return answer.valid ? 0 : 1;
    }),
};
