/** `posternctl policy show`. */
import type { CliCommand } from '#shared/base/cli.ts';
import { safeText } from '#shared/base/print-table.ts';
import { withAdmin } from '../connect.ts';
import { given, numbered, when } from '../show.ts';

export const showVersion: CliCommand = {
  about: 'The policy in force, or another version',
  options: { epoch: { type: 'string', value: 'N', about: 'Version' } },
  run: (call) =>
    withAdmin(call, async (admin) => {
      const { version, files } = await admin.policy({ query: given({ epoch: numbered(call, 'epoch') }) });
      if (call.json) return call.io.out(JSON.stringify({ version, files }));
      const { epoch, by, at, message, inForce } = version;
      call.io.err(`version ${epoch}${inForce ? ', in force' : ''}, by ${by} at ${when(at)}: ${safeText(message)}`);
      for (const { id, text } of files) call.io.out(`// ${id}.cedar\n${text.trimEnd()}\n`);
    }),
};
