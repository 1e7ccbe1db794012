/** `posternctl log key`. */
import { writeFileSync } from 'node:fs';
import type { CliCommand } from '#shared/base/cli.ts';
import { withAdmin } from '../connect.ts';
import { flag, option, plural } from '../show.ts';

export const logKey: CliCommand = {
  about: 'The public key of the log, and its newest checkpoint',
  options: {
    checkpoint: {
      type: 'string',
      value: 'FILE',
      about: 'Write the newest checkpoint into this file; - for standard output',
    },
    all: { type: 'boolean', about: 'Keys of former logs too' },
  },
  help: `Keep key and checkpoint where the operator of the controller cannot reach them: whoever has an old checkpoint finds out
when anything before it was changed, whatever was rewritten and signed again.`,
  run: (call) =>
    withAdmin(call, async (admin) => {
      const head = await admin.logHead();
      const file = option(call, 'checkpoint');
      if (file !== undefined && file !== '-') writeFileSync(file, head.checkpoint ?? '');
      if (call.json) call.io.out(JSON.stringify(head));
      else if (file === '-') call.io.out((head.checkpoint ?? '').trimEnd());
      else {
        for (const { key, current } of head.keys) {
          if (current) call.io.out(key);
          else if (flag(call, 'all')) call.io.out(`${key}  (former)`);
        }
        call.io.err(`${head.origin}: ${plural(head.size, 'leaf').replace('leafs', 'leaves')}`);
      }
      if (head.held === undefined) return 0;
      call.io.err(`It signs nothing (${head.held}): posternctl log resume FILE, or posternctl log new.`);
      return 1;
    }),
};
