/** Checkpoints that somebody kept, and witnesses, against a tree. */
import type { CliCall } from '#shared/base/cli.ts';
import type { LogFault } from '#shared/contracts/admin-proofs.ts';
import { isConsistent, type TreeHead } from '#shared/log/check-tree.ts';
import { missingWitnesses, type OpenedCheckpoint, openCheckpoint } from '#shared/log/checkpoint.ts';
import { keptNotes } from '#shared/log/kept-notes.ts';
import type { NoteKey } from '#shared/log/note-key.ts';
import { options } from '../show.ts';
import { readKeys } from './read-keys.ts';
import { readNote } from './reopen.ts';

/** How a tree of one size goes on from one of another. */
export type Prove = (from: number, to: number) => Promise<readonly Uint8Array[]>;

/** Of other logs only the newest of each is told: that this log is not the one that somebody knew. */
export function readCheckpoints(
  call: CliCall,
  keys: readonly NoteKey[],
  origin: string,
  faults: LogFault[],
): OpenedCheckpoint[] {
  const all = options(call, 'from').flatMap((file) =>
    keptNotes(readNote(file)).flatMap((note) => openNote(note, keys, `a checkpoint in ${file}`, faults) ?? []),
  );
  const others = new Map<string, OpenedCheckpoint>();
  for (const one of all)
    if (one.origin !== origin && (others.get(one.origin)?.size ?? -1) < one.size) others.set(one.origin, one);
  for (const one of others.values())
    faults.push({
      what: `a checkpoint of ${one.size} leaves is of ${one.origin}, and this log is ${origin}: it was opened anew`,
    });
  return all.filter((one) => one.origin === origin);
}

/** The checkpoint that all of them must have signed. */
export function checkWitnesses(
  call: CliCall,
  keys: readonly NoteKey[],
  note: string | undefined,
  faults: LogFault[],
): OpenedCheckpoint | undefined {
  const witnesses = readKeys(options(call, 'witness'));
  if (witnesses.length === 0) return undefined;
  if (note === undefined) {
    faults.push({ what: 'no witness has signed a checkpoint' });
    return undefined;
  }
  const seen = openNote(note, keys, 'the checkpoint of the witnesses', faults, witnesses);
  for (const witness of seen === undefined ? [] : missingWitnesses(seen, witnesses))
    faults.push({ what: `the witness ${witness.name} has not signed the checkpoint of ${seen!.size} leaves` });
  return seen;
}

export function openNote(
  note: string,
  keys: readonly NoteKey[],
  name: string,
  faults: LogFault[],
  witnesses: readonly NoteKey[] = [],
): OpenedCheckpoint | undefined {
  try {
    return openCheckpoint(note, { log: keys, witnesses });
  } catch (error) {
    faults.push({ what: `${name} does not hold: ${(error as Error).message}` });
    return undefined;
  }
}

export async function checkKept(
  kept: readonly OpenedCheckpoint[],
  head: TreeHead,
  prove: Prove,
  faults: LogFault[],
): Promise<void> {
  for (const one of kept) {
    if (one.size > head.size)
      faults.push({ what: `a checkpoint is of ${one.size} leaves, and the log has ${head.size}: its end was removed` });
    else await checkGrowth(one, head, prove, faults, `the checkpoint of ${one.size} leaves`);
  }
}

export async function checkGrowth(
  former: TreeHead,
  head: TreeHead,
  prove: Prove,
  faults: LogFault[],
  name: string,
): Promise<void> {
  const why = `the log does not go on from ${name}: something before leaf ${former.size} was rewritten`;
  try {
    if (!isConsistent(former, head, await prove(former.size, head.size))) faults.push({ what: why });
  } catch (error) {
    faults.push({ what: `${why} (${(error as Error).message})` });
  }
}
