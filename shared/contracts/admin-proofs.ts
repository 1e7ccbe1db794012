/** The admin API: the log as a tree, its proofs, and whether it is whole. */
import { type Static, Type } from 'typebox';
import { madeId, oneOf, slug, strict, text, time } from './common.ts';
import { heldReasons, treeHash, treePath } from './log-shapes.ts';
import { defineContract } from './route.ts';

const count = Type.Integer({ minimum: 0 });

export const logHead = strict({
  /** Of this log among those that this installation had. */
  number: Type.Integer({ minimum: 1 }),
  origin: text(300),
  size: count,
  /** The newest checkpoint, as it is signed. */
  checkpoint: Type.Optional(Type.String()),
  /** The newest that witnesses signed, with their lines. */
  witnessed: Type.Optional(Type.String()),
  /** Why it signs nothing (P35). */
  held: Type.Optional(oneOf([...heldReasons])),
  /** Public keys in the form of notes, the newest last; those of former logs too. */
  keys: Type.Array(strict({ key: text(500), current: Type.Boolean() })),
});
export type LogHead = Static<typeof logHead>;

/** A place of the log that is not as it was written. */
export const logFault = strict({
  leaf: Type.Optional(count),
  record: Type.Optional(Type.String()),
  /** As its path below the log's folder. */
  tile: Type.Optional(Type.String()),
  what: Type.String(),
});
export type LogFault = Static<typeof logFault>;

/** Where the index of search does not say what the records say. */
export const indexFault = strict({
  /** Positions of the block; neither for the whole index. */
  first: Type.Optional(Type.Integer()),
  last: Type.Optional(Type.Integer()),
  position: Type.Optional(count),
  record: Type.Optional(Type.String()),
  what: Type.String(),
});
export type IndexFault = Static<typeof indexFault>;

export const indexShares = ['sample', 'whole', 'none'] as const;

export const indexVerdict = strict({
  blocks: count,
  /** How many of them were compared with their records, and how many records those are. */
  compared: count,
  records: count,
  /** Positions beyond this one are searched without the index. */
  through: count,
  faults: Type.Array(indexFault),
  more: count,
  /** Whether what is not right was made anew. */
  mended: Type.Boolean(),
});
export type IndexVerdict = Static<typeof indexVerdict>;

export const logVerdict = strict({
  origin: Type.String(),
  size: count,
  root: treeHash,
  /** Leaves whose record was pruned: their hashes are there, and nothing to compare them with. */
  pruned: count,
  /**
   * Which records of the log say so: what each took is what it says. One that is under way has no record of its end yet. `begun`: of files, in which
   * the details of those records are not, it is the record of the begin, and how many leaves went that were written since the begin of the one before it: by
   * this one at the earliest.
   */
  prunings: Type.Array(
    strict({
      pruning: count,
      leaves: count,
      record: Type.Optional(madeId),
      time: Type.Optional(time),
      begun: Type.Optional(Type.Boolean()),
    }),
  ),
  /** Records with personal values that were erased. */
  erased: count,
  faults: Type.Array(logFault),
  /** When there were too many to list. */
  more: count,
  index: Type.Optional(indexVerdict),
});
export type LogVerdict = Static<typeof logVerdict>;

export const verifyLine = Type.Union([
  strict({
    t: Type.Literal('progress'),
    /** First the records, then the index of search. */
    of: oneOf(['records', 'index']),
    done: count,
    total: count,
  }),
  strict({ t: Type.Literal('result'), result: logVerdict }),
]);

/** A file of the log as C2SP tlog-tiles names it. */
export const logFile = strict({ path: Type.String(), bytes: Type.String() });

export const recordProof = strict({
  index: count,
  leaf: Type.String(),
  /** Names and disclosures (base64url) of what is not erased. */
  disclosures: Type.Array(strict({ name: text(64), text: Type.String() })),
  path: treePath,
  checkpoint: Type.String(),
});
export type RecordProof = Static<typeof recordProof>;

export const adminProofs = defineContract({
  logHead: {
    method: 'GET',
    path: '/v1/admin/log',
    summary: 'Size, newest checkpoint and keys of the log',
    access: 'reader',
    answer: logHead,
  },
  proveRecord: {
    method: 'GET',
    path: '/v1/admin/records/:id/proof',
    summary: 'The proof that a record stands in the log',
    access: 'reader',
    params: strict({ id: madeId }),
    answer: recordProof,
  },
  proveGrowth: {
    method: 'GET',
    path: '/v1/admin/log/consistency',
    summary: 'The proof that the log of one size goes on from that of a lesser one',
    access: 'reader',
    query: strict({ from: count, to: count }),
    answer: strict({ path: treePath }),
  },
  verifyLog: {
    method: 'POST',
    path: '/v1/admin/log/verify',
    summary:
      'Compare every record and tile with the tree, and the index of search with the records: NDJSON of progress, then the verdict',
    access: 'reader',
    /** How much of the index: a sample unless told. */
    body: strict({ index: Type.Optional(oneOf([...indexShares])) }),
    stream: 'ndjson',
  },
  exportLog: {
    method: 'GET',
    path: '/v1/admin/log/files',
    summary: 'Tiles, leaves and checkpoint as NDJSON of files, base64: enough to verify without a controller',
    access: 'reader',
    stream: 'ndjson',
  },
  knownLog: {
    method: 'GET',
    path: '/v1/admin/log/known',
    summary: 'Which checkpoints of the log are known to be kept elsewhere, and who has not told (P35)',
    access: 'reader',
    answer: strict({
      origin: text(300),
      size: count,
      held: Type.Optional(oneOf([...heldReasons])),
      items: Type.Array(
        strict({
          source: text(100),
          origin: text(300),
          size: count,
          verdict: oneOf(['none', 'past', 'former', 'beyond', 'forked', 'foreign']),
          at: time,
          /** As it is signed. */
          checkpoint: Type.Optional(Type.String()),
        }),
      ),
      /** Gateways that have not told since it was last asked for. */
      silent: Type.Array(slug),
    }),
  },
  resumeLog: {
    method: 'POST',
    path: '/v1/admin/log/resume',
    summary: 'Let a log that waits sign again, once every checkpoint that is known is shown to be of its past (P35)',
    access: 'owner',
    /** Without a checkpoint all gateways must have told which one they keep. */
    body: strict({ checkpoint: Type.Optional(Type.String({ maxLength: 262_144 })) }),
    maxBody: 512 * 1024,
    answer: logHead,
  },
  openNewLog: {
    method: 'POST',
    path: '/v1/admin/log/new',
    summary: 'Open another log, which names the one before it, out of the records that there are (P35)',
    access: 'owner',
    body: strict({ checkpoint: Type.Optional(Type.String({ maxLength: 262_144 })) }),
    maxBody: 512 * 1024,
    answer: logHead,
  },
});
