/** How a checkpoint that somebody keeps stands to the log of this database (P35). */
import { openCheckpoint, parseCheckpointText } from '#shared/log/checkpoint.ts';
import type { NoteKey } from '#shared/log/note-key.ts';
import { parseNote } from '#shared/log/signed-note.ts';
import { nodesFromTiles, type ReadTile } from '#shared/log/tiles.ts';
import { rootFromNodes } from '#shared/log/tree-proofs.ts';
import type { KnownVerdict } from '../../store/log-anchor-tables.ts';
import type { Db } from '../../store/open-store.ts';
import type { LogState } from '../log-state.ts';
import { TileStore } from '../tile-store.ts';

export interface Judged {
  readonly verdict: KnownVerdict;
  readonly origin: string;
  readonly size: number;
  readonly root: Buffer;
}

export interface JudgeParts {
  readonly db: Db;
  readonly state: LogState;
  /** Of this log and of those before it. */
  readonly keys: readonly NoteKey[];
  /** Quick and perhaps wrong, as files can be altered; what it refuses is looked at again in the database. */
  readonly tiles?: Pick<TileStore, 'read' | 'make'>;
}

/** Throws `proof-refused` for what is no checkpoint at all. */
export async function judgeKnown({ db, state, keys, tiles }: JudgeParts, note: string): Promise<Judged> {
  const told = parseCheckpointText(parseNote(note).text);
  const answer = (verdict: KnownVerdict): Judged => ({ verdict, ...told });
  try {
    openCheckpoint(note, { log: keys });
  } catch {
    // Of a log that was opened after this database was written, or nobody's.
    return answer('foreign');
  }
  if (told.origin !== state.origin) return answer('former');
  if (told.size > state.size) return answer('beyond');
  const holds = async (read: ReadTile) =>
    (await rootFromNodes(told.size, nodesFromTiles(read, told.size))).equals(told.root);
  // Leaves as the database has them: files of another time would speak for what it has lost.
  if (tiles !== undefined && (await holds((tile) => (tile.level === 0 ? tiles.make(tile) : tiles.read(tile)))))
    return answer('past');
  const made = new TileStore(db, '');
  return answer((await holds((tile) => made.make(tile))) ? 'past' : 'forked');
}

/** Whether the log may not go on as long as it is known. */
export const contradicts = (verdict: string): boolean => verdict === 'beyond' || verdict === 'forked';
