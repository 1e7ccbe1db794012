/** `posternctl policy test`. */
import { writeFileSync } from 'node:fs';
import type { CliCommand } from '#shared/base/cli.ts';
import { safeText } from '#shared/base/print-table.ts';
import { flag, misuse, option, plural } from '../show.ts';
import { junitOf } from './junit.ts';
import { judgeDirectory, offlineOptions } from './offline.ts';
import { tellFailedTests, tellProblems } from './tell-problems.ts';

export const test: CliCommand = {
  about: 'Run the tests of a directory of policies by the engine that decides; changes nothing',
  args: '<dir>',
  options: {
    ...offlineOptions,
    only: { type: 'string', value: 'TEXT', about: 'Tests whose name holds this text' },
    verbose: { type: 'boolean', short: 'v', about: 'Tests that passed too' },
    junit: { type: 'string', value: 'FILE', about: 'Write the results as JUnit XML too' },
  },
  help: 'Exit code 0: all passed. 1: a test failed, or the policies are not valid. 2: not understood. 3: the controller cannot be reached.',
  async run(call) {
    const { problems, tests: all, names } = await judgeDirectory(call);
    const only = option(call, 'only')?.toLowerCase();
    const tests = only === undefined ? all : all.filter(({ name }) => name.toLowerCase().includes(only));
    const errors = problems.filter(({ severity }) => severity === 'error');
    if (names === 'nowhere' && errors.length === 0)
      throw misuse(
        'tests need to know the apps and groups: give --with DIR (a description), or "policy pull" the directory first',
      );
    if (only !== undefined && tests.length === 0 && errors.length === 0)
      throw misuse(`no test has "${only}" in its name`);
    const file = option(call, 'junit');
    if (file !== undefined) writeFileSync(file, junitOf(tests, errors));
    const failed = tests.filter(({ passed }) => !passed);
    const ok = errors.length === 0 && failed.length === 0;
    if (call.json) call.io.out(JSON.stringify({ ok, problems: errors, tests, names }));
    else {
      tellProblems(call, errors);
      tellFailedTests(call, tests);
      if (flag(call, 'verbose'))
        for (const { name, passed } of tests) if (passed) call.io.out(safeText(`passed: ${name}`));
      call.io.out(
        errors.length > 0
          ? `not valid: ${plural(errors.length, 'error')}, no test was run`
          : `${plural(tests.length, 'test')}: ${tests.length - failed.length} passed, ${failed.length} failed`,
      );
    }
    return ok ? 0 : 1;
  },
};
