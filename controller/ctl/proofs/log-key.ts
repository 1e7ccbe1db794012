/** `posternctl log key`. */
import type { CliCommand } from '#shared/base/cli.ts';
import { PosternError } from '#shared/base/errors.ts';
import { writeNewFile } from '#shared/base/write-new-file.ts';
import { parseCheckpointText } from '#shared/log/checkpoint.ts';
import { parseNote } from '#shared/log/signed-note.ts';
import { withAdmin } from '../connect.ts';
import { flag, option, plural } from '../show.ts';

export const logKey: CliCommand = {
  about: 'The public key of the log, and its newest checkpoint',
  options: {
    checkpoint: {
      type: 'string',
      value: 'FILE',
      about: 'Write the newest checkpoint into this new file; - for standard output',
    },
    all: { type: 'boolean', about: 'Keys of former logs too' },
  },
  help: `Keep key and checkpoint where the operator of the controller cannot reach them: whoever has an old checkpoint finds out
when anything before it was changed, whatever was rewritten and signed again. A file that is there already is never written over.`,
  run: (call) =>
    withAdmin(call, async (admin) => {
      const head = await admin.logHead();
      const file = option(call, 'checkpoint');
      const { checkpoint } = head;
      if (file !== undefined && checkpoint === undefined)
        throw new PosternError('not-found', 'the log has no checkpoint yet: its first one comes within seconds');
      if (file !== undefined && file !== '-') writeNewFile(file, checkpoint!);
      if (call.json) call.io.out(JSON.stringify(head));
      else if (file === '-') call.io.out(checkpoint!.trimEnd());
      else {
        for (const { key, current } of head.keys) {
          if (current) call.io.out(key);
          else if (flag(call, 'all')) call.io.out(`${key}  (former)`);
        }
        call.io.err(`${head.origin}: ${leaves(head.size)}`);
        // What is kept is what was signed last, and the log may be some leaves further.
        if (file !== undefined) call.io.err(`${file}: its checkpoint of ${leaves(sizeOf(checkpoint!))}`);
      }
      if (head.held === undefined) return 0;
      call.io.err(`It signs nothing (${head.held}): posternctl log resume FILE, or posternctl log new.`);
      return 1;
    }),
};

const leaves = (count: number): string => plural(count, 'leaf').replace('leafs', 'leaves');
const sizeOf = (note: string): number => parseCheckpointText(parseNote(note).text).size;
