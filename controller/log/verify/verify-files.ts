/** Whether a log in files (C2SP tlog-tiles) is whole: leaves, tiles and checkpoint against each other. Needs no controller. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LogVerdict } from '#shared/contracts/admin-proofs.ts';
import { type OpenedCheckpoint, openCheckpoint } from '#shared/log/checkpoint.ts';
import { parseEntries } from '#shared/log/entry-bundle.ts';
import type { NoteKey } from '#shared/log/note-key.ts';
import { entriesPath, tilePath, tileWidth } from '#shared/log/tile-path.ts';
import { hashesOf, tileAt } from '#shared/log/tiles.ts';
import { hashBytes, leafHash, rootOf } from '#shared/log/tree-hash.ts';
import { FaultList } from './fault-list.ts';
import { checkUpperTiles } from './upper-tiles.ts';

export interface FilesOrder {
  readonly dir: string;
  readonly keys: readonly NoteKey[];
  readonly onProgress?: (done: number, total: number) => void;
}

/** Throws `proof-refused` for a checkpoint that is none, or not of these keys. */
export function verifyFiles({ dir, keys, onProgress }: FilesOrder): { verdict: LogVerdict; head: OpenedCheckpoint } {
  const head = openCheckpoint(readFileSync(join(dir, 'checkpoint')), { log: keys });
  const faults = new FaultList();
  const roots: Buffer[] = [];
  let pruned = 0;
  const prunings: LogVerdict['prunings'] = [];
  /** Empty since the last pruning that began. */
  let empty = { leaves: 0, last: -1 };
  for (let index = 0; index * tileWidth < head.size; index += 1) {
    const tile = tileAt(0, index, head.size)!;
    const path = tilePath(tile);
    const told = tell(faults, path, () => hashesOf(tile, readFileSync(join(dir, path))));
    const bundle = entriesPath(tile);
    const entries = tell(faults, bundle, () => parseEntries(readFileSync(join(dir, bundle)), tile.width));
    const hashes: Buffer[] = [];
    for (let at = 0; at < tile.width; at += 1) {
      const entry = entries?.[at];
      const expected = told?.[at];
      const leaf = index * tileWidth + at;
      // Its record was pruned: the hash is what is left.
      if (entry?.length === 0) {
        pruned += 1;
        empty = { leaves: empty.leaves + 1, last: leaf };
      }
      const hash = entry === undefined || entry.length === 0 ? expected : leafHash(entry);
      if (hash !== undefined && expected !== undefined && !hash.equals(expected)) {
        const record = idOf(entry);
        const what = 'the leaf is not the one that the tile has';
        faults.push({ leaf, tile: path, what, ...(record === undefined ? {} : { record }) });
      } else if (entry?.includes(begunMark) === true) {
        const begun = begunOf(entry);
        if (begun !== undefined) {
          prunings.push({ pruning: prunings.length + 1, leaves: empty.leaves, ...begun, begun: true });
          empty = { leaves: 0, last: -1 };
        }
      }
      hashes.push(expected ?? hash ?? Buffer.alloc(hashBytes));
    }
    roots.push(rootOf(hashes));
    if (index % 64 === 0) onProgress?.(index * tileWidth, head.size);
  }
  if (empty.leaves > 0)
    faults.push({ leaf: empty.last, what: 'the leaf is empty, and no pruning began after it was written' });
  const root = checkUpperTiles({ dir, size: head.size, tiled: head.size }, Buffer.concat(roots), faults);
  if (!root.equals(head.root))
    faults.push({ what: `the tree of ${head.size} leaves has not the root of the checkpoint` });
  onProgress?.(head.size, head.size);
  const { origin, size } = head;
  const verdict = {
    origin,
    size,
    root: root.toString('base64'),
    pruned,
    prunings: prunings.filter(({ leaves }) => leaves > 0),
    erased: 0,
    faults: faults.sorted(),
    more: faults.more,
  };
  return { verdict, head };
}

function tell<T>(faults: FaultList, tile: string, read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    faults.push({ tile, what: code === 'ENOENT' ? 'the file is missing' : `the file cannot be used: ${message}` });
    return undefined;
  }
}

const begunMark = '"prune-begun"';

/**
 * A pruning takes only what was there when it began. Which leaves it took is in no leaf, since that is a disclosure: what went before each begin is
 * counted.
 */
function begunOf(entry: Buffer): { record: string; time: number } | undefined {
  try {
    const { id, time, kind, event } = JSON.parse(String(entry)) as Readonly<Record<string, unknown>>;
    if (kind !== 'log' || event !== 'prune-begun' || typeof id !== 'string' || typeof time !== 'number')
      return undefined;
    return { record: id.slice(0, 64), time };
  } catch {
    return undefined;
  }
}

function idOf(entry: Buffer | undefined): string | undefined {
  try {
    const { id } = JSON.parse(String(entry)) as { id?: unknown };
    return typeof id === 'string' ? id.slice(0, 64) : undefined;
  } catch {
    return undefined;
  }
}
