/**
 * The tiles of the log as files (C2SP tlog-tiles), for whoever proves or mirrors it. The database holds every leaf's hash, so that a tile
 * that is missing is made again; a file is written under another name, flushed and renamed, so that there is never half of one.
 */
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { PosternError } from '#shared/base/errors.ts';
import { type Tile, tilePath, tileWidth } from '#shared/log/tile-path.ts';
import { hashesOf, type ReadTile, tileAt, tilesBetween } from '#shared/log/tiles.ts';
import { hashBytes, rootOf } from '#shared/log/tree-hash.ts';
import type { Db } from '../store/open-store.ts';

export class TileStore {
  readonly dir: string;
  readonly #db: Db;
  /** Of each level the hashes of its last, partial tile: what the next growth goes on from. */
  readonly #last = new Map<number, { readonly index: number; readonly hashes: readonly Buffer[] }>();

  /** `dir`: of this one log. */
  constructor(db: Db, dir: string) {
    this.#db = db;
    this.dir = dir;
  }

  /** The hashes of a tile: from its file, from that of the full tile for a partial one, or out of the database. Throws `log-broken`. */
  async read(tile: Tile): Promise<Buffer> {
    return (await this.#readFiles(tile)) ?? (await this.make(tile));
  }

  /** For strangers: what stands in a file, and of level 0 what a few rows give. Undefined for what would be much work. */
  async readKept(tile: Tile): Promise<Buffer | undefined> {
    return (await this.#readFiles(tile)) ?? (tile.level === 0 ? this.make(tile) : undefined);
  }

  /** Out of the database alone, whatever the files say. Throws `log-broken` when a leaf's hash is not there. */
  async make(tile: Tile): Promise<Buffer> {
    return Buffer.concat(
      tile.level === 0 ? await this.#leaves(tile) : await this.#rootsBelow(tile, 0, (below) => this.make(below)),
    );
  }

  /** Writes the tiles that a tree of `size` has beyond one of `from`. They are on the disk when it resolves. */
  async grow(from: number, size: number): Promise<void> {
    const folders = new Set<string>();
    for (const tile of tilesBetween(from, size)) {
      const hashes = await this.#grown(tile);
      this.#last.set(tile.level, { index: tile.index, hashes });
      const file = join(this.dir, tilePath(tile));
      await writeWhole(file, Buffer.concat(hashes));
      folders.add(dirname(file));
    }
    for (const folder of folders) await flushFolder(folder);
    // Only once the full ones are safe: partial tiles of former sizes are not asked for any more.
    for (const { level, index, width } of tilesBetween(from, size)) {
      if (width < tileWidth) continue;
      const partial = `${join(this.dir, tilePath({ level, index, width }))}.p`;
      await rm(partial, { recursive: true, force: true });
    }
  }

  async #grown(tile: Tile): Promise<Buffer[]> {
    const known = this.#last.get(tile.level);
    const held = known?.index === tile.index ? known.hashes : [];
    const more = { ...tile, width: tile.width - held.length };
    const rest = tile.level === 0 ? await this.#leaves(more, held.length) : await this.#rootsBelow(more, held.length);
    return [...held, ...rest];
  }

  async #leaves({ index, width }: Tile, skip = 0): Promise<Buffer[]> {
    const first = index * tileWidth + skip;
    const rows = await this.#db
      .selectFrom('log_leaves')
      .select('hash')
      .where('leaf_index', '>=', first)
      .where('leaf_index', '<', first + width)
      .orderBy('leaf_index')
      .execute();
    const hashes = rows.map(({ hash }) => Buffer.from(hash.buffer, hash.byteOffset, hash.length));
    if (hashes.length !== width || hashes.some((hash) => hash.length !== hashBytes)) {
      throw new PosternError('log-broken', `leaves are missing between ${first} and ${first + width}`);
    }
    return hashes;
  }

  async #rootsBelow(
    { level, index, width }: Tile,
    skip: number,
    read: ReadTile = (tile) => this.read(tile),
  ): Promise<Buffer[]> {
    const roots: Buffer[] = [];
    for (let at = skip; at < skip + width; at += 1) {
      const below = { level: level - 1, index: index * tileWidth + at, width: tileWidth };
      roots.push(rootOf(hashesOf(below, await read(below))));
    }
    return roots;
  }

  async #readFiles(tile: Tile): Promise<Buffer | undefined> {
    return (await this.#readFile(tile)) ?? (await this.#readFile({ ...tile, width: tileWidth }, tile.width));
  }

  /** Undefined when it is not there, or not of the length that it must have. */
  async #readFile(tile: Tile, width = tile.width): Promise<Buffer | undefined> {
    const bytes = await readIfThere(join(this.dir, tilePath(tile)));
    return bytes?.length === tile.width * hashBytes ? bytes.subarray(0, width * hashBytes) : undefined;
  }
}

/** What stands in the file of a tile, of whatever length. Undefined when there is none. */
export const readTileFile = (dir: string, tile: Tile): Promise<Buffer | undefined> =>
  readIfThere(join(dir, tilePath(tile)));

export async function readIfThere(file: string): Promise<Buffer | undefined> {
  try {
    return await readFile(file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EISDIR') return undefined;
    throw error;
  }
}

/** All of it or nothing, through a power cut once the folder is flushed too. */
export async function writeWhole(file: string, bytes: string | Uint8Array): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  const draft = `${file}.new`;
  try {
    const handle = await open(draft, 'w', 0o644);
    try {
      await handle.writeFile(bytes);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(draft, file);
  } catch (error) {
    // What a full disk took of it would stay for ever: the next one has another name.
    await rm(draft, { force: true }).catch(() => {});
    throw error;
  }
}

export async function flushFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** The tile of level 0 that holds a leaf, in a tree of `size`. */
export const leafTile = (index: number, size: number): Tile | undefined =>
  tileAt(0, Math.floor(index / tileWidth), size);
