/**
 * The memory of used grants (P18): one empty file for each, in a folder beside the spools, made by the one call of the system that
 * succeeds for one caller only. So all workers of a gateway share it, and what was there before a start counts without being read:
 * no process has to hold it, and none can lose it. The name is all there is to it: nothing can be half written.
 */
import { constants, existsSync, fsync, mkdirSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { second } from '#shared/base/clock.ts';
import { PosternError } from '#shared/base/errors.ts';
import type { Usable, UsedGrants } from '../grants/used-grants.ts';

const flush = promisify(fsync);
/** There while the memory is so young that grants of before it may be alive: the folder was lost, or the gateway joined again. */
export const youngMark = 'young';

/** When it ends stands in front, so that what may go is found without opening anything. */
export const useFileName = ({ exp, jti }: Pick<Usable, 'exp' | 'jti'>): string => `${exp}.${jti}`;
/** Unix seconds; undefined for a file that is no use. */
export function endOfUse(name: string): number | undefined {
  const match = /^(\d{1,10})\.[a-z0-9][a-z0-9_-]+$/.exec(name);
  return match === null ? undefined : Number(match[1]);
}

/** Called by the one process that has the gateway's directory, before anybody opens the folder. */
export function makeUseFolder(path: string): void {
  if (existsSync(path)) return;
  const draft = `${path}.draft`;
  rmSync(draft, { recursive: true, force: true });
  mkdirSync(draft, { recursive: true, mode: 0o700 });
  // Flushed before it has its name: a folder that is there without the mark vouches for everything.
  writeFileSync(join(draft, youngMark), '', { mode: 0o600, flush: true });
  renameSync(draft, path);
}

export class UseFiles implements UsedGrants {
  readonly #path: string;
  readonly #folder: number;
  /** Unix seconds. */
  #vouchesFrom = 0;
  #running: Promise<void> = Promise.resolve();
  #next: Promise<void> | undefined;

  /** Throws when the folder is not there. */
  constructor(path: string) {
    this.#path = path;
    this.#folder = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
  }

  serveFrom(at: number): void {
    // A grant that was used before has been issued before, in whole seconds.
    if (existsSync(join(this.#path, youngMark))) this.#vouchesFrom = Math.floor(at / second);
  }

  has(grant: Usable): boolean {
    return grant.iat < this.#vouchesFrom || existsSync(this.#file(grant));
  }

  async take(grant: Usable): Promise<boolean> {
    if (grant.iat < this.#vouchesFrom) return false;
    try {
      const file = await open(this.#file(grant), 'wx', 0o600);
      await file.close();
      await this.#flush();
      return true;
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'EEXIST') return false;
      throw new PosternError('record-failed', 'a use could not be written', { cause });
    }
  }

  #file(grant: Usable): string {
    return join(this.#path, useFileName(grant));
  }

  /** The names themselves (fsync(2): a file's own flush is not enough). Uses that come during one flush share the next. */
  #flush(): Promise<void> {
    this.#next ??= this.#running
      .catch(() => {})
      .then(() => {
        this.#next = undefined;
        this.#running = flush(this.#folder);
        return this.#running;
      });
    return this.#next;
  }
}

export const useFolderOf = (spoolDir: string): string => join(spoolDir, 'used');
