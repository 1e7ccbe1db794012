/** `posternctl policy validate`. */
import type { CliCommand } from '#shared/base/cli.ts';
import { plural } from '../show.ts';
import { judgeDirectory, offlineOptions } from './offline.ts';
import { tellFailedTests, tellProblems } from './tell-problems.ts';

export const validate: CliCommand = {
  about: 'Validate a directory of *.cedar and *.tests.yaml; changes nothing',
  args: '<dir>',
  options: {
    ...offlineOptions,
    strict: { type: 'boolean', about: 'Warnings count as errors' },
  },
  help: 'Exit code 0: valid. 1: not valid, or a test fails. 2: not understood. 3: the controller cannot be reached.',
  async run(call) {
    const { valid, problems, tests, names } = await judgeDirectory(call);
    const ok = valid && !(call.values['strict'] === true && problems.length > 0);
    if (call.json) call.io.out(JSON.stringify({ valid: ok, problems, tests, names }));
    else {
      tellProblems(call, problems);
      tellFailedTests(call, tests);
      if (names === 'nowhere')
        call.io.err('Names were not looked up and tests not run: give --with DIR, or pull first.');
      const passed = tests.filter((test) => test.passed).length;
      const ran = tests.length === 0 ? '' : `, ${passed} of ${plural(tests.length, 'test')} passed`;
      call.io.out(`${ok ? 'valid' : 'not valid'}${ran}`);
    }
    return ok ? 0 : 1;
  },
};
