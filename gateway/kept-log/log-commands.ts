/** `postern-gateway log ...`: what this gateway keeps of the controller's log, for auditors, and for the operator after an alarm (P35). */
import { existsSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import type { CliCall, CliCommand } from '#shared/base/cli.ts';
import { PosternError } from '#shared/base/errors.ts';
import { writeNewFile } from '#shared/base/write-new-file.ts';
import { parseCheckpointText } from '#shared/log/checkpoint.ts';
import { formatNoteKey, parseNoteKey } from '#shared/log/note-key.ts';
import { parseNote } from '#shared/log/signed-note.ts';
import { evidenceOf, type Kept, listEvidence, pinKey, readKept, writeKept } from './kept-file.ts';

/** `dirOf`: the state directory. */
export function logCommands(dirOf: (call: CliCall) => string): Record<string, CliCommand> {
  return {
    'log show': {
      about:
        "What is kept of the controller's log: its key, the newest good checkpoint, evidence against the controller",
      options: {
        checkpoint: {
          type: 'string',
          value: 'FILE',
          about: 'Write the checkpoint into this file; - for standard output',
        },
      },
      help: 'Whoever has the checkpoint finds out whether anything before it was changed: posternctl log verify --from FILE.\nExit code 1 while there is evidence.',
      run: (call) => show(call, dirOf(call)),
    },
    'log trust': {
      about:
        'Hold checkpoints against another key of the log from now on, which you have from its owners, not from the controller',
      args: '<key>',
      help: 'For a log that was opened anew without the key of the former one. What was kept of the former stays. The gateway may be running.',
      run: (call) => trust(call, dirOf(call)),
    },
    'log settle': {
      about: 'End the alarm: the evidence has been looked into, and is put aside',
      run: (call) => settle(call, dirOf(call)),
    },
  };
}

function requireKept(dir: string): Kept {
  const kept = readKept(dir);
  if (kept === undefined) throw new PosternError('not-found', `${dir} keeps nothing of a log: join first`);
  return kept;
}

function show({ values, json, io }: CliCall, dir: string): number {
  const kept = requireKept(dir);
  const cases = listEvidence(dir);
  const file = values['checkpoint'];
  const { key, checkpoint, former } = kept;
  if (typeof file === 'string') {
    if (checkpoint === undefined) throw new PosternError('not-found', 'no checkpoint is kept yet');
    if (file === '-') io.out(checkpoint.trimEnd());
    else writeNewFile(file, checkpoint);
  } else if (json) io.out(JSON.stringify({ ...kept, evidence: cases.map((name) => join(evidenceOf(dir), name)) }));
  else {
    io.out(key);
    io.out(checkpoint === undefined ? 'No checkpoint is kept yet.' : placeLine(checkpoint));
    for (const one of former) io.out(`Before: ${one.checkpoint === undefined ? one.key : placeLine(one.checkpoint)}`);
  }
  for (const name of cases)
    io.err(
      `ALARM: ${readFileSync(join(evidenceOf(dir), `${name}.why`), 'utf8').trim()}: ${join(evidenceOf(dir), name)}.{kept,shown}`,
    );
  return cases.length === 0 ? 0 : 1;
}

function placeLine(note: string): string {
  const { origin, size, root } = parseCheckpointText(parseNote(note).text);
  return `${origin}: ${size} leaves, root ${root.toString('base64')}`;
}

function trust({ args, json, io }: CliCall, dir: string): void {
  const kept = requireKept(dir);
  const key = parseNoteKey(args[0]!);
  if (key.kind !== 'ed25519') throw new PosternError('bad-request', 'this is the key of a witness, not of a log');
  if (formatNoteKey(key) === kept.key)
    throw new PosternError('conflict', 'checkpoints are held against this key already');
  writeKept(dir, pinKey(kept, key));
  if (json) io.out(JSON.stringify({ key: formatNoteKey(key) }));
  else io.out(`Checkpoints are held against the key of ${key.name} from now on.`);
}

function settle({ json, io }: CliCall, dir: string): void {
  const from = evidenceOf(dir);
  if (!existsSync(from)) throw new PosternError('not-found', 'there is no evidence: there is no alarm');
  const to = `${from}-${new Date().toISOString().replaceAll(/[:.]/g, '-')}`;
  renameSync(from, to);
  if (json) io.out(JSON.stringify({ evidence: to }));
  else io.out(`The alarm is over. The evidence is in ${to}.`);
}
