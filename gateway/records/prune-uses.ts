/**
 * Forgets uses of grants that are dead. A use goes only when its grant has ended by the controller's time and this process has seen
 * it for longer than any grant lives: a clock that was ahead and is put right must bring no used grant back to life (P18, P19).
 */
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { second } from '#shared/base/clock.ts';
import type { Stoppable } from '#shared/base/lifecycle.ts';
import type { Log } from '#shared/base/log.ts';
import { grantReach } from '#shared/contracts/grant.ts';
import { endOfUse, youngMark } from './use-files.ts';

export interface UsePrunerParts {
  readonly folder: string;
  /** The controller's time in milliseconds; undefined while it is not known. */
  readonly time: () => number | undefined;
  readonly log: Log;
  /** Milliseconds of a clock that nobody sets. */
  readonly steady?: () => number;
}

const everyMs = 30 * second;

export class UsePruner implements Stoppable {
  readonly #parts: UsePrunerParts;
  #seenSince = new Map<string, number>();
  readonly #timer: NodeJS.Timeout;

  constructor(parts: UsePrunerParts) {
    this.#parts = parts;
    this.#timer = setInterval(() => this.prune(), everyMs).unref();
    this.prune();
  }

  /** How many uses are kept. Never throws: what could not be removed is tried again. */
  prune(): number {
    const { folder, time, log, steady = () => performance.now() } = this.#parts;
    const now = steady();
    const at = time();
    const seen = new Map<string, number>();
    try {
      for (const name of readdirSync(folder)) {
        const since = this.#seenSince.get(name) ?? now;
        const isOld = now - since > grantReach * second;
        const end = endOfUse(name);
        const hasEnded = name === youngMark || (end !== undefined && at !== undefined && at > end * second);
        if (isOld && hasEnded) rmSync(join(folder, name), { force: true });
        else seen.set(name, since);
      }
    } catch (error) {
      log.error({ err: error }, 'uses of grants could not be looked through');
      return this.#seenSince.size;
    }
    this.#seenSince = seen;
    return seen.size;
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
