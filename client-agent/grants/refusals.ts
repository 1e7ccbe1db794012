/** The last refusals, for `postern why` and the portal. */
import { Check } from 'typebox/value';
import type { Clock } from '#shared/base/clock.ts';
import { errorTable, type PosternError } from '#shared/base/errors.ts';
import { type Fix, fix } from '#shared/contracts/sign-in.ts';
import type { Refused } from '../agent-api.ts';
import type { GrantOrder } from './grant-desk.ts';

const maxKept = 50;
const maxFixes = 16;
const tracePattern = /^[0-9a-f]{32}$/;

export class Refusals {
  readonly #clock: Clock;
  readonly #onRefused: (refused: Refused) => void;
  #list: readonly Refused[] = [];

  constructor(clock: Clock, onRefused: (refused: Refused) => void) {
    this.#clock = clock;
    this.#onRefused = onRefused;
  }

  add(order: GrantOrder, error: PosternError, by: Refused['by'], gateway?: string): Refused {
    const told = error.extra?.['trace'];
    const refused: Refused = {
      at: this.#clock.now(),
      app: order.app,
      act: order.act,
      by,
      code: error.code,
      title: errorTable[error.code].title,
      ...(error.tell === undefined ? {} : { detail: error.tell }),
      fixes: fixesOf(error),
      trace: typeof told === 'string' && tracePattern.test(told) ? told : order.trace,
      ...(gateway === undefined ? {} : { gateway }),
      ...requestOf(order),
      ...clientOf(order),
    };
    this.#list = [refused, ...this.#list].slice(0, maxKept);
    this.#onRefused(refused);
    return refused;
  }

  /** Newest first. */
  list(app?: string): readonly Refused[] {
    return app === undefined ? this.#list : this.#list.filter((one) => one.app === app);
  }
}

/** What the peer says can be done about it; anything of another shape is left out. */
export function fixesOf({ extra }: PosternError): readonly Fix[] {
  const fixes = extra?.['fixes'];
  return Array.isArray(fixes) ? fixes.filter((one): one is Fix => Check(fix, one)).slice(0, maxFixes) : [];
}

export function clientOf({ client }: GrantOrder): { client?: string } {
  return client === undefined ? {} : { client };
}

/** Never the query: it may hold secrets, and this is shown and kept. */
export function requestOf({ exact }: GrantOrder): { request?: NonNullable<Refused['request']> } {
  if (exact === undefined) return {};
  const { method, host, path } = exact;
  return { request: { method, host, path } };
}
