/** Requests that wait for the person: at most 90 s each, told to everybody who listens, let go when something has changed. */
import { randomId } from '#shared/base/bytes.ts';
import { type Clock, second } from '#shared/base/clock.ts';
import { type ErrorCode, PosternError } from '#shared/base/errors.ts';
import type { SignInPurpose } from '#shared/contracts/sign-in.ts';
import type { Hold, LocalEvent } from '../agent-api.ts';
import type { GrantOrder } from './grant-desk.ts';
import { pause } from './pause.ts';
import { clientOf, fixesOf, requestOf } from './refusals.ts';

const holdMs = 90 * second;
/** So that a page with hundreds of images cannot fill the memory with waiting requests. */
const maxHolds = 128;

interface Waiting {
  readonly hold: Hold;
  readonly error: PosternError;
  wake: () => void;
  gaveUp: boolean;
}

export interface Holding {
  /**
   * Until something has changed since `version`, which was read before the refused attempt: what happened during it counts.
   * Rejects with
   * `held-too-long`, the refusal itself when given up, or the signal's reason.
   */
  wait(version: number, signal?: AbortSignal): Promise<void>;
  end(how: Extract<LocalEvent, { type: 'hold-ended' }>['how']): void;
}

export interface HoldsOptions {
  readonly clock: Clock;
  readonly emit: (event: LocalEvent) => void;
  /** Pauses for at most that long; for tests. */
  readonly pause?: typeof pause;
}

export class Holds {
  readonly #options: HoldsOptions;
  readonly #waiting = new Map<string, Waiting>();
  #version = 0;

  constructor(options: HoldsOptions) {
    this.#options = options;
  }

  /** Rises with each change. */
  get version(): number {
    return this.#version;
  }

  list(): readonly Hold[] {
    return [...this.#waiting.values()].map(({ hold }) => hold);
  }

  /** A sign-in, a posture report, a change told by the controller: every held request looks again. */
  changed(): void {
    this.#version += 1;
    for (const waiting of this.#waiting.values()) waiting.wake();
  }

  giveUp(id: string): void {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return;
    waiting.gaveUp = true;
    waiting.wake();
  }

  /** Throws the refusal itself when there are too many already. */
  begin(order: GrantOrder, kind: Hold['kind'], error: PosternError, trace: string): Holding {
    if (this.#waiting.size >= maxHolds) throw error;
    const { clock, emit } = this.#options;
    const since = clock.now();
    const purpose = purposeOf(error.code);
    const hold: Hold = {
      id: randomId(),
      app: order.app,
      kind,
      ...(kind === 'step-up' && purpose !== undefined ? { purpose } : {}),
      code: error.code,
      since,
      until: since + holdMs,
      ...(error.tell === undefined ? {} : { detail: error.tell }),
      fixes: fixesOf(error),
      trace,
      ...requestOf(order),
      ...clientOf(order),
    };
    const waiting: Waiting = { hold, error, wake: () => {}, gaveUp: false };
    this.#waiting.set(hold.id, waiting);
    emit({ type: 'hold', hold });
    return {
      wait: (version, signal) => this.#wait(waiting, version, signal),
      end: (how) => {
        if (this.#waiting.delete(hold.id)) emit({ type: 'hold-ended', id: hold.id, how });
      },
    };
  }

  async #wait(waiting: Waiting, version: number, signal: AbortSignal | undefined): Promise<void> {
    const { hold, error } = waiting;
    const left = hold.until - this.#options.clock.now();
    if (left <= 0) throw tooLong(error);
    if (waiting.gaveUp) throw error;
    if (version !== this.#version) return;
    const woken = new AbortController();
    waiting.wake = () => woken.abort();
    try {
      const either = signal === undefined ? woken.signal : AbortSignal.any([signal, woken.signal]);
      await (this.#options.pause ?? pause)(left, either);
    } catch (thrown) {
      signal?.throwIfAborted();
      if (!woken.signal.aborted) throw thrown;
      if (waiting.gaveUp) throw error;
      return;
    } finally {
      waiting.wake = () => {};
    }
    throw tooLong(error);
  }
}

function tooLong(error: PosternError): PosternError {
  return new PosternError('held-too-long', `waited in vain: ${error.code}`, {
    ...(error.tell === undefined ? {} : { tell: error.tell }),
    extra: { because: error.code, fixes: fixesOf(error) },
    cause: error,
  });
}

const purposes: Partial<Record<ErrorCode, SignInPurpose>> = {
  'session-required': 'sign-in',
  'device-pending': 'sign-in',
  'session-idle': 'resume',
  'sign-in-again': 'sign-in',
  'step-up-required': 'step-up',
};

export function purposeOf(code: ErrorCode): SignInPurpose | undefined {
  return purposes[code];
}
