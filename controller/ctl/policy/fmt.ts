/** `posternctl policy fmt`. */
import type { CliCommand } from '#shared/base/cli.ts';
import { formatFile } from '../../policy/format-policies.ts';
import { readPolicyDirectory } from '../read-directory.ts';
import { flag, plural } from '../show.ts';
import { type Problem, tellProblems } from './tell-problems.ts';
import { writeFiles } from './write-files.ts';

export const fmt: CliCommand = {
  about: 'Format the *.cedar files of a directory; needs no controller',
  args: '<dir>',
  options: { check: { type: 'boolean', about: 'Change nothing; exit code 1 when a file would change' } },
  help: 'A file whose meaning or comments would change is left as it is and told of.',
  run(call) {
    const dir = call.args[0]!;
    const { files } = readPolicyDirectory(dir);
    const problems: Problem[] = [];
    const changed: { name: string; text: string }[] = [];
    for (const file of files) {
      const { text, problems: own } = formatFile(file);
      problems.push(...(own as Problem[]));
      if (text !== undefined && text !== file.text) changed.push({ name: `${file.id}.cedar`, text });
    }
    const isCheck = flag(call, 'check');
    if (!isCheck) writeFiles(dir, changed);
    const names = changed.map(({ name }) => name);
    if (call.json) call.io.out(JSON.stringify({ changed: names, problems }));
    else {
      tellProblems(call, problems);
      for (const name of names) call.io.out(name);
      call.io.err(`${plural(names.length, 'file')} of ${files.length} ${isCheck ? 'would change' : 'changed'}.`);
    }
    return problems.length > 0 || (isCheck && names.length > 0) ? 1 : 0;
  },
};
