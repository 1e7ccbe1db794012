/** `posternctl policy show`. */
import type { CliCommand } from '#shared/base/cli.ts';
import { safeText } from '#shared/base/print-table.ts';
import { withAdmin } from '../connect.ts';
import { flag, given, numbered, when } from '../show.ts';
import { namedFiles } from './version-names.ts';

export const showVersion: CliCommand = {
  about: 'The policy in force, or another version',
  options: {
    epoch: { type: 'string', value: 'N', about: 'Version' },
    tests: { type: 'boolean', about: 'Its tests too' },
  },
  run: (call) =>
    withAdmin(call, async (admin) => {
      const { version, files, tests } = await admin.policy({ query: given({ epoch: numbered(call, 'epoch') }) });
      if (call.json) return call.io.out(JSON.stringify({ version, files, tests }));
      const { epoch, by, at, message, inForce } = version;
      call.io.err(`version ${epoch}${inForce ? ', in force' : ''}, by ${by} at ${when(at)}: ${safeText(message)}`);
      for (const { name, text } of namedFiles({ files, tests: flag(call, 'tests') ? tests : [] }))
        call.io.out(`${name.endsWith('.yaml') ? '#' : '//'} ${name}\n${text.trimEnd()}\n`);
    }),
};
