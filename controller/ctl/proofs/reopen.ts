/** `posternctl log resume`, `posternctl log new` (P35). */
import { readFileSync } from 'node:fs';
import type { CliCommand } from '#shared/base/cli.ts';
import { withAdmin } from '../connect.ts';
import { answerDone, given, option } from '../show.ts';

/** `-` is standard input. */
export const readNote = (file: string): string => readFileSync(file === '-' ? 0 : file, 'utf8');

export const resume: CliCommand = {
  about: 'Let a log that waits after a restore sign again, by the newest checkpoint that anybody has',
  args: '<checkpoint>',
  help: `The checkpoint is a file, or - for standard input. It must be the newest that was ever given out: what is in it and not in
the restored database is lost, and then only another log is honest (posternctl log new).`,
  run: (call) =>
    withAdmin(call, async (admin) => {
      const head = await admin.resumeLog({ body: { checkpoint: readNote(call.args[0]!) } });
      answerDone(call, head, `${head.origin} signs again, from ${head.size} leaves on.`);
    }),
};

export const newLog: CliCommand = {
  about: 'Open another log out of the records that there are; it names the one before it',
  options: {
    checkpoint: {
      type: 'string',
      value: 'FILE',
      about: 'The newest checkpoint known of the former log: it is put on record',
    },
  },
  help: `For a restore that lost records which a checkpoint is over already. It has a key and a folder of its own; proofs out of the
former log stay good under its key.`,
  run: (call) =>
    withAdmin(call, async (admin) => {
      const file = option(call, 'checkpoint');
      const head = await admin.openNewLog({
        body: given({ checkpoint: file === undefined ? undefined : readNote(file) }),
      });
      answerDone(call, head, `${head.origin} is open. Its key: ${head.keys.at(-1)?.key}`);
    }),
};
