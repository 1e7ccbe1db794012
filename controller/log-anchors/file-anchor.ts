/**
 * A file to which each checkpoint is appended as a line of JSON, in `anchors/` of the state directory: no admin says where the controller
 * writes. Mount there what it can append to and not change (a share of another host, `chattr +a`). It is only ever opened for appending.
 */
import { constants } from 'node:fs';
import { type FileHandle, mkdir, open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Trouble } from '../log-streams/target.ts';
import type { Anchor, Published } from './anchor.ts';

export const anchorFile = (dir: string, name: string): string => join(dir, 'anchors', `${name}.jsonl`);

/** Far longer than any line. */
const tailBytes = 64 * 1024;

export class FileAnchor implements Anchor {
  readonly #file: string;

  constructor(file: string) {
    this.#file = file;
  }

  async put({ time, ...published }: Published): Promise<string> {
    const line = `${JSON.stringify({ time: new Date(time).toISOString(), ...published })}\n`;
    try {
      await mkdir(dirname(this.#file), { recursive: true, mode: 0o700 });
      // What a power cut left half written gets its end, so that this line stands by itself.
      const torn = (await readTail(this.#file)).at(-1);
      const handle = await openPlain(this.#file, constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT);
      try {
        await handle.writeFile(torn === undefined || torn === 0x0a ? line : `\n${line}`);
        await handle.datasync();
      } finally {
        await handle.close();
      }
      return '';
    } catch (cause) {
      throw new Trouble(`the file cannot be written: ${(cause as Error).message}`, { cause });
    }
  }

  close(): void {}
}

/** The last checkpoint that stands whole in the file. */
export async function lastInFile(file: string): Promise<string | undefined> {
  const lines = (await readTail(file)).toString().split('\n');
  for (const line of lines.toReversed()) {
    try {
      const { checkpoint } = JSON.parse(line) as { checkpoint?: unknown };
      if (typeof checkpoint === 'string') return checkpoint;
    } catch {
      // Torn, or the middle of a line.
    }
  }
  return undefined;
}

async function readTail(file: string): Promise<Buffer> {
  try {
    const handle = await openPlain(file, constants.O_RDONLY);
    try {
      const { size } = await handle.stat();
      const length = Math.min(size, tailBytes);
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, size - length);
      return buffer.subarray(0, bytesRead);
    } finally {
      await handle.close();
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return Buffer.alloc(0);
    throw error;
  }
}

/**
 * A file and nothing else: who has the share at the other end could make it a link to a file of the controller, or a pipe that nobody
 * reads, for which the start would wait.
 */
async function openPlain(file: string, flags: number): Promise<FileHandle> {
  let handle: FileHandle;
  try {
    handle = await open(file, flags | constants.O_NOFOLLOW | constants.O_NONBLOCK, 0o600);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ELOOP') throw new Error('it is a symbolic link: mount the folder in its place', { cause: error });
    if (code === 'ENXIO') throw new Error('it is no file', { cause: error });
    throw error;
  }
  if ((await handle.stat()).isFile()) return handle;
  await handle.close();
  throw new Error('it is no file');
}
