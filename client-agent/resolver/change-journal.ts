/**
 * What was changed in this system, written down before it is changed: whoever finds the journal after a crash can take it back.
 * Readable by everybody, so that `postern doctor` and `postern dns status` need no privilege; written by root alone.
 */
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Static, Type } from 'typebox';
import { Check } from 'typebox/value';
import { PosternError } from '#shared/base/errors.ts';
import { hostName, port, strict, text } from '#shared/contracts/common.ts';

const command = Type.Array(text(4096), { minItems: 1, maxItems: 32 });
const changeJournal = strict({
  v: Type.Literal(1),
  how: text(64),
  zones: Type.Array(hostName, { minItems: 1, maxItems: 8 }),
  server: strict({ host: text(64), port }),
  /** Of the process that holds the change; absent where it stays until `uninstall`. */
  holder: Type.Optional(strict({ pid: Type.Integer({ minimum: 1 }), started: text(64) })),
  steps: Type.Array(
    Type.Union([
      strict({ kind: Type.Literal('file'), path: text(4096), text: text(65_536) }),
      strict({ kind: Type.Literal('run'), command, undo: Type.Optional(command) }),
    ]),
    { maxItems: 64 },
  ),
});
export type ChangeJournal = Static<typeof changeJournal>;

/** Undefined when nothing is changed. Throws `invalid-config` for a journal that cannot be read. */
export function readJournal(path: string): ChangeJournal | undefined {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new PosternError('invalid-config', `${path} cannot be read: ${(error as Error).message}`, { cause: error });
  }
  if (Check(changeJournal, value)) return value;
  throw new PosternError('invalid-config', `${path} is damaged or of another version`);
}

/** Whole or not at all, and on the disk before anything is changed. */
export function writeJournal(path: string, journal: ChangeJournal): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
  writeFileSync(`${path}.new`, `${JSON.stringify(journal, null, 1)}\n`, { mode: 0o644, flush: true });
  renameSync(`${path}.new`, path);
  if (process.platform === 'win32') return;
  const directory = openSync(dirname(path), 'r');
  fsyncSync(directory);
  closeSync(directory);
}

export function removeJournal(path: string): void {
  rmSync(path, { force: true });
}

/** In memory where the change itself is: after a restart of a Linux machine neither is there. */
export function journalPath(platform: NodeJS.Platform, root = '/'): string {
  if (platform === 'win32') return join(process.env['ProgramData'] ?? 'C:\\ProgramData', 'Postern', 'dns.json');
  return join(root, platform === 'linux' ? 'run/postern-dns' : 'var/db/postern', 'dns.json');
}
