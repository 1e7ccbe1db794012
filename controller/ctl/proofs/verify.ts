/** `posternctl log verify`: the whole log against its tree, and the tree against checkpoints that somebody kept. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CliCall, CliCommand } from '#shared/base/cli.ts';
import { safeText } from '#shared/base/print-table.ts';
import { type LogFault, type LogVerdict, verifyLine } from '#shared/contracts/admin-proofs.ts';
import { isConsistent, type TreeHead } from '#shared/log/check-tree.ts';
import { missingWitnesses, type OpenedCheckpoint, openCheckpoint } from '#shared/log/checkpoint.ts';
import { keptNotes } from '#shared/log/kept-notes.ts';
import { type NoteKey, parseNoteKey } from '#shared/log/note-key.ts';
import { tilePath } from '#shared/log/tile-path.ts';
import { nodesFromTiles } from '#shared/log/tiles.ts';
import { proveConsistency } from '#shared/log/tree-proofs.ts';
import { verifyFiles } from '../../log/verify/verify-files.ts';
import { withAdmin } from '../connect.ts';
import { makeProgress, readAnalysis } from '../policy/read-draft.ts';
import { misuse, option, options, plural, when } from '../show.ts';
import { readNote } from './reopen.ts';

export const verify: CliCommand = {
  about: 'Whether the log is whole, and goes on from checkpoints that you kept',
  options: {
    from: {
      type: 'string',
      value: 'FILE',
      multiple: true,
      about:
        'A checkpoint from before, or a file with many: a note, a proof, lines of a place outside; - for standard input',
    },
    witness: {
      type: 'string',
      value: 'KEY',
      multiple: true,
      about: 'Public key of a witness, or a file that holds it, which must have signed the newest checkpoint too',
    },
    key: {
      type: 'string',
      value: 'KEY',
      multiple: true,
      about: 'Public key of the log, or a file that holds it: what you kept, not what the controller says',
    },
    files: {
      type: 'string',
      value: 'DIR',
      about: 'Verify these files (posternctl log snapshot), without a controller',
    },
  },
  help: `Without --files the controller compares every record, its columns and its disclosures with the tree, and this program checks what it
says against key and checkpoints. An operator who rewrites and signs everything again is caught by --from with a checkpoint
from before. Exit code 1 when anything is not as it was written; the lines name leaf, record or tile.`,
  run: (call) => (option(call, 'files') === undefined ? online(call) : offline(call, option(call, 'files')!)),
};

/** The newest; with --json there are all. */
const shownPrunings = 20;

/** How a tree of one size goes on from one of another. */
type Prove = (from: number, to: number) => Promise<readonly Uint8Array[]>;

async function online(call: CliCall): Promise<number> {
  return withAdmin(call, async (admin) => {
    const given = options(call, 'key');
    const said = await admin.logHead();
    const keys = readKeys(given.length > 0 ? given : said.keys.map(({ key }) => key));
    const verdict = await readAnalysis(call, verifyLine, await admin.verifyLog({ timeoutMs: 3_600_000 }));
    const faults: LogFault[] = [...verdict.faults];
    const head = { size: verdict.size, root: Buffer.from(verdict.root, 'base64') };
    const after = await admin.logHead();
    const { checkpoint, held } = after;
    const prove: Prove = async (from, to) => {
      const { path } = await admin.proveGrowth({ query: { from, to } });
      return path.map((hash) => Buffer.from(hash, 'base64'));
    };
    const kept = readCheckpoints(call, keys, said.origin, faults);
    const seen = checkWitnesses(call, keys, after.witnessed, faults);
    if (seen !== undefined) await checkKept([seen], head, prove, faults);
    // The newest is under the key that was given here, and its tree goes on from the one that was verified.
    if (checkpoint !== undefined) {
      const newest = open(checkpoint, keys, 'the newest checkpoint of the controller', faults);
      if (newest !== undefined)
        await checkGrowth(
          newest.size < head.size ? newest : head,
          newest.size < head.size ? head : newest,
          prove,
          faults,
          'the newest checkpoint',
        );
    }
    await checkKept(kept, head, prove, faults);
    if (held !== undefined)
      call.io.err(`The log signs nothing (${held}): posternctl log resume, or posternctl log new.`);
    if (given.length === 0) call.io.err('The key is what the controller says: give --key with the one that you kept.');
    return answer(call, { ...verdict, faults }, kept);
  });
}

async function offline(call: CliCall, dir: string): Promise<number> {
  const given = options(call, 'key');
  if (given.length === 0) throw misuse('--files needs --key: the public key of the log, from elsewhere than the files');
  const keys = readKeys(given);
  const progress = makeProgress(call);
  const { verdict, head } = verifyFiles({ dir, keys, onProgress: progress.tell });
  progress.end();
  const faults: LogFault[] = [...verdict.faults];
  const node = nodesFromTiles(async (tile) => readFileSync(join(dir, tilePath(tile))), head.size);
  const kept = readCheckpoints(call, keys, head.origin, faults);
  checkWitnesses(call, keys, readFileSync(join(dir, 'checkpoint'), 'utf8'), faults);
  await checkKept(
    kept,
    head,
    (from, to) => (to === head.size ? proveConsistency(from, to, node) : Promise.resolve([])),
    faults,
  );
  return answer(call, { ...verdict, faults }, kept);
}

const readKeys = (texts: readonly string[]): NoteKey[] =>
  texts.map((text) => parseNoteKey(text.includes('+') ? text : readFileSync(text, 'utf8')));

/** Of other logs only the newest of each is told: that this log is not the one that somebody knew. */
function readCheckpoints(
  call: CliCall,
  keys: readonly NoteKey[],
  origin: string,
  faults: LogFault[],
): OpenedCheckpoint[] {
  const all = options(call, 'from').flatMap((file) =>
    keptNotes(readNote(file)).flatMap((note) => open(note, keys, `a checkpoint in ${file}`, faults) ?? []),
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
function checkWitnesses(
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
  const seen = open(note, keys, 'the checkpoint of the witnesses', faults, witnesses);
  for (const witness of seen === undefined ? [] : missingWitnesses(seen, witnesses))
    faults.push({ what: `the witness ${witness.name} has not signed the checkpoint of ${seen!.size} leaves` });
  return seen;
}

function open(
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

async function checkKept(
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

async function checkGrowth(
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

function answer(call: CliCall, verdict: LogVerdict, kept: readonly OpenedCheckpoint[]): number {
  const { origin, size, pruned, prunings, erased, faults, more } = verdict;
  const whole = faults.length === 0;
  if (call.json) call.io.out(JSON.stringify({ whole, ...verdict, checkpoints: kept.map((one) => one.size) }));
  else {
    for (const { leaf, record, tile, what } of faults) {
      const place = [leaf === undefined ? '' : `leaf ${leaf}`, record ?? '', tile ?? '']
        .filter((word) => word !== '')
        .join(' ');
      call.io.out(safeText(place === '' ? what : `${place}: ${what}`));
    }
    if (more > 0) call.io.out(`... and ${more} more`);
    const rest = [
      pruned > 0
        ? `${plural(pruned, 'record')} pruned${prunings.length > 0 ? ` by ${plural(prunings.length, 'pruning')} on record` : ''}`
        : '',
      erased > 0 ? `${plural(erased, 'record')} with erased values` : '',
      kept.length > 0 ? `it goes on from ${plural(kept.length, 'checkpoint')}` : '',
    ].filter((word) => word !== '');
    for (const one of prunings.slice(-shownPrunings)) {
      const by = one.record === undefined ? 'which is under way' : `as ${one.record} of ${when(one.time)} says`;
      call.io.out(`${plural(one.leaves, 'record')} went by pruning ${one.pruning}, ${by}`);
    }
    if (whole) call.io.out(safeText([`${origin} is whole: ${size} leaves`, ...rest].join('; ')));
    else call.io.out(safeText(`${origin} is NOT whole: ${plural(faults.length + more, 'fault')} in ${size} leaves.`));
  }
  return whole ? 0 : 1;
}
