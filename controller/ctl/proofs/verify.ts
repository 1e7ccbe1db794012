/** `posternctl log verify`: the whole log against its tree, and the tree against checkpoints that somebody kept. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CliCall, CliCommand } from '#shared/base/cli.ts';
import { indexShares, type LogFault, verifyLine } from '#shared/contracts/admin-proofs.ts';
import type { TreeHead } from '#shared/log/check-tree.ts';
import type { NoteKey } from '#shared/log/note-key.ts';
import { tilePath } from '#shared/log/tile-path.ts';
import { nodesFromTiles } from '#shared/log/tiles.ts';
import { proveConsistency } from '#shared/log/tree-proofs.ts';
import { verifyFiles } from '../../log/verify/verify-files.ts';
import { sampled } from '../../log/verify/verify-index.ts';
import { withAdmin } from '../connect.ts';
import { makeProgress, readAnalysis } from '../policy/read-draft.ts';
import { chosen, misuse, option, options } from '../show.ts';
import { checkGrowth, checkKept, checkWitnesses, openNote, type Prove, readCheckpoints } from './judge-checkpoints.ts';
import { readKeys } from './read-keys.ts';
import { answerVerdict } from './show-verdict.ts';
import { verifyState } from './verify-state.ts';

export const verify: CliCommand = {
  about: 'Whether the log is whole, and goes on from checkpoints that you kept',
  options: {
    from: {
      type: 'string',
      value: 'FILE',
      multiple: true,
      about:
        'A checkpoint from before, or a file with many: a note, a proof, an evidence bundle, lines of a place outside; - for standard input',
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
    state: {
      type: 'string',
      value: 'DIR',
      about: 'Verify the state directory of a controller on this machine, whether it runs or not',
    },
    index: {
      type: 'string',
      value: 'SHARE',
      about: `How much of the index of search is compared with the records: ${indexShares.join(', ')}; a sample unless told`,
    },
  },
  help: `Without --files the controller compares every record, its columns and its disclosures with the tree, and this program checks what it
says against key and checkpoints. An operator who rewrites and signs everything again is caught by --from with a checkpoint
from before. Exit code 1 when anything is not as it was written; the lines name leaf, record or tile.
What searches go by, the index, is compared with the records then: of a log of more than a million a sample of ${sampled} blocks of 65,536
records, with --index whole all of them. The lines name block and record; what is not right is made anew, which is on record.`,
  async run(call) {
    const [files, state] = [option(call, 'files'), option(call, 'state')];
    const index = chosen(call, 'index', indexShares) ?? 'sample';
    if (files !== undefined && state !== undefined) throw misuse('give --files or --state, not both');
    if (files !== undefined && call.values['index'] !== undefined)
      throw misuse('with --files there is no index: leave out --index');
    if (files !== undefined) return offline(call, files);
    return state === undefined ? online(call, index) : onDisk(call, state, index);
  },
};

type Share = (typeof indexShares)[number];

async function online(call: CliCall, index: Share): Promise<number> {
  return withAdmin(call, async (admin) => {
    const given = options(call, 'key');
    const said = await admin.logHead();
    const keys = readKeys(given.length > 0 ? given : said.keys.map(({ key }) => key));
    const verdict = await readAnalysis(
      call,
      verifyLine,
      await admin.verifyLog({ body: { index }, timeoutMs: 3_600_000 }),
    );
    const faults: LogFault[] = [...verdict.faults];
    const head = { size: verdict.size, root: Buffer.from(verdict.root, 'base64') };
    const { checkpoint, witnessed, held } = await admin.logHead();
    const prove: Prove = async (from, to) => {
      const { path } = await admin.proveGrowth({ query: { from, to } });
      return path.map((hash) => Buffer.from(hash, 'base64'));
    };
    const kept = await judge(call, { checkpoint, witnessed, keys, origin: said.origin, head, prove, faults });
    if (held !== undefined)
      call.io.err(`The log signs nothing (${held}): posternctl log resume, or posternctl log new.`);
    if (given.length === 0) call.io.err('The key is what the controller says: give --key with the one that you kept.');
    return answerVerdict(call, { ...verdict, faults }, kept);
  });
}

interface Judged {
  readonly checkpoint: string | undefined;
  readonly witnessed: string | undefined;
  readonly keys: readonly NoteKey[];
  readonly origin: string;
  /** The tree that was verified. */
  readonly head: TreeHead;
  readonly prove: Prove;
  readonly faults: LogFault[];
}

/** What was verified against key, witnesses and checkpoints. Returns those that were given. */
async function judge(call: CliCall, { checkpoint, witnessed, keys, origin, head, prove, faults }: Judged) {
  const kept = readCheckpoints(call, keys, origin, faults);
  const seen = checkWitnesses(call, keys, witnessed, faults);
  if (seen !== undefined) await checkKept([seen], head, prove, faults);
  // The newest is under the key that was given here, and its tree goes on from the one that was verified.
  if (checkpoint !== undefined) {
    const newest = openNote(checkpoint, keys, 'the newest checkpoint of the controller', faults);
    const [former, later] = newest === undefined || newest.size < head.size ? [newest, head] : [head, newest];
    if (former !== undefined) await checkGrowth(former, later, prove, faults, 'the newest checkpoint');
  }
  await checkKept(kept, head, prove, faults);
  return kept;
}

async function onDisk(call: CliCall, dir: string, index: Share): Promise<number> {
  const given = options(call, 'key');
  const progress = makeProgress(call);
  const order = { dir, index, keys: given.length === 0 ? undefined : readKeys(given), onProgress: progress.tell };
  return verifyState(order, async ({ verdict, keys, checkpoint, witnessed }, prove) => {
    progress.end();
    const faults: LogFault[] = [...verdict.faults];
    const { origin, size } = verdict;
    const head = { size, root: Buffer.from(verdict.root, 'base64') };
    const kept = await judge(call, { checkpoint, witnessed, keys, origin, head, prove, faults });
    if (given.length === 0) call.io.err('The key is what the database says: give --key with the one that you kept.');
    return answerVerdict(call, { ...verdict, faults }, kept);
  });
}

async function offline(call: CliCall, dir: string): Promise<number> {
  const given = options(call, 'key');
  if (given.length === 0) throw misuse('--files needs --key: the public key of the log, from elsewhere than the files');
  const keys = readKeys(given);
  if (!existsSync(join(dir, 'checkpoint')))
    throw misuse(
      `${dir} is no folder with a log in it: posternctl log snapshot DIR writes one (what posternctl log export writes is for reading; it has no proofs)`,
    );
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
  return answerVerdict(call, { ...verdict, faults }, kept);
}
