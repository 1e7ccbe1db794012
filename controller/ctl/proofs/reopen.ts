/** `posternctl log known`, `posternctl log resume`, `posternctl log new` (P35). */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { CliCommand } from '#shared/base/cli.ts';
import { withAdmin } from '../connect.ts';
import { answerDone, answerList, given, option, when } from '../show.ts';

/** `-` is standard input; of a folder (a snapshot, an evidence bundle) it is the checkpoint in it. */
export function readNote(file: string): string {
  if (file === '-') return readFileSync(0, 'utf8');
  return readFileSync(statSync(file).isDirectory() ? join(file, 'checkpoint') : file, 'utf8');
}

export const known: CliCommand = {
  about: 'Which checkpoints of the log gateways and places outside are known to keep',
  help: 'past: the log goes on from it. beyond, forked: it does not, and signs nothing. former: of a log before. foreign: of no key that is known here.',
  run: (call) =>
    withAdmin(call, async (admin) => {
      const found = await admin.knownLog();
      answerList(call, found.items, ({ source, origin, size, verdict, at }) => ({
        source,
        log: origin === '' ? '-' : origin,
        leaves: size,
        verdict,
        told: when(at),
      }));
      if (found.silent.length > 0) call.io.err(`Not told yet: ${found.silent.join(', ')}`);
      if (found.held === undefined) return 0;
      call.io.err(`The log signs nothing (${found.held}): posternctl log resume, or posternctl log new.`);
      return 1;
    }),
};

export const resume: CliCommand = {
  about: 'Let a log that waits after a restore sign again, once it is shown to go on from what others keep of it',
  args: '[checkpoint]',
  help: `Without a checkpoint every gateway in service must have told which one it keeps (posternctl log known). With one, a file or - for
standard input, silent gateways are not waited for: it must be the newest that was ever given out. What is in any of them and not
in the restored database is lost, and then only another log is honest (posternctl log new).`,
  run: (call) =>
    withAdmin(call, async (admin) => {
      const [file] = call.args;
      const checkpoint = file === undefined ? undefined : readNote(file);
      const head = await admin.resumeLog({ body: given({ checkpoint }), timeoutMs: 600_000 });
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
former log stay good under its key. Gateways follow it, as it is declared under the former key, and each puts that on record as an alarm.`,
  run: (call) =>
    withAdmin(call, async (admin) => {
      const file = option(call, 'checkpoint');
      const head = await admin.openNewLog({
        body: given({ checkpoint: file === undefined ? undefined : readNote(file) }),
      });
      answerDone(call, head, `${head.origin} is open. Its key: ${head.keys.at(-1)?.key}`);
    }),
};
