/**
 * Tells the controller what an operator must see while it lasts: that no access can be recorded here, so that none is given, and how far the records
 * have come. Every five seconds, and at once when the former changes.
 */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { second } from '#shared/base/clock.ts';
import type { Log } from '#shared/base/log.ts';
import type { GatewayCondition } from '#shared/contracts/gateway-to-controller.ts';
import type { SpoolDirectory } from '../records/spool-directory.ts';
import { type SpoolLimits, SpoolRoom } from '../records/spool-room.ts';
import type { ControllerLink } from './controller-link.ts';
import type { DeliveryWatch } from './delivery-watch.ts';

export interface ConditionParts {
  readonly link: { readonly client: Pick<ControllerLink['client'], 'condition'> };
  readonly directory: SpoolDirectory;
  readonly limits: SpoolLimits;
  readonly delivery: Pick<DeliveryWatch, 'look'>;
  /** Controller time; undefined while it is not known. */
  readonly time: () => number | undefined;
  readonly log: Log;
}

const lookMs = second;
const tellMs = 5 * second;
/** After a disk takes writes again, until the workers have written what they kept meanwhile. */
const settleMs = 10 * second;

export class ConditionTeller {
  readonly #parts: ConditionParts;
  readonly #room: SpoolRoom;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();
  #now: GatewayCondition = { waitingBytes: 0 };
  #badAt = Number.NEGATIVE_INFINITY;
  #toldAt = Number.NEGATIVE_INFINITY;
  /** Whether it was told last that none is given. */
  #told = false;
  #stopped = false;

  constructor(parts: ConditionParts) {
    this.#parts = parts;
    this.#room = new SpoolRoom(parts.directory, parts.limits);
  }

  begin(): void {
    this.#plan(0);
  }

  /** As it was found last. */
  state(): GatewayCondition {
    return this.#now;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#running;
  }

  #plan(ms: number): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => {
      this.#running = this.#look().finally(() => this.#plan(lookMs));
    }, ms);
  }

  async #look(): Promise<void> {
    const { log, link } = this.#parts;
    try {
      this.#now = this.#measure();
      const { refusing } = this.#now;
      const at = performance.now();
      const isRefusing = refusing !== undefined;
      if (isRefusing === this.#told && at - this.#toldAt < tellMs) return;
      this.#toldAt = at;
      await link.client.condition({ body: this.#now });
      this.#told = isRefusing;
    } catch (error) {
      // That the controller is away is told by what has more to lose by it.
      log.debug({ err: error }, 'the controller was not told how this gateway is');
    }
  }

  #measure(): GatewayCondition {
    const { directory, delivery, time } = this.#parts;
    const now = time();
    this.#room.measure('');
    const refusing = this.#room.refusal(0) ?? whyUnwritable(directory.path);
    const at = performance.now();
    if (refusing !== undefined) this.#badAt = at;
    const through = now === undefined ? undefined : delivery.look(now, at - this.#badAt >= settleMs);
    const waitingBytes = [...directory.sizes().values()].reduce((sum, size) => sum + size, 0);
    return {
      waitingBytes,
      ...(through === undefined ? {} : { through }),
      ...(refusing === undefined ? {} : { refusing: refusing.slice(0, 200) }),
    };
  }
}

/** By trying: there is no other way to find out. */
function whyUnwritable(dir: string): string | undefined {
  const file = join(dir, 'probe');
  try {
    writeFileSync(file, '.', { mode: 0o600, flush: true });
    rmSync(file);
    return undefined;
  } catch (error) {
    const { code = 'no code' } = error as NodeJS.ErrnoException;
    return `the spool cannot be written (${code})`;
  }
}
