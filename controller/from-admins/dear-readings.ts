/**
 * Readings of the whole log: each keeps threads, or the one that decides, at work for as long as it lasts. So few run at the same time that
 * decisions and sign-ins do not wait for them, and one reader leaves room for others.
 */
import { PosternError } from '#shared/base/errors.ts';
import type { AdminCaller } from './admin-parts.ts';

const mostAtOnce = 4;
const mostOfOne = 2;

export class DearReadings {
  readonly #running: string[] = [];

  /** The handler, which throws `conflict` first where enough of these run. */
  limited<C extends { readonly caller: AdminCaller }, R>(
    handler: (call: C) => R | Promise<R>,
  ): (call: C) => Promise<R> {
    return async (call) => {
      const { actor } = call.caller;
      const own = this.#running.filter((one) => one === actor).length;
      if (own >= mostOfOne) throw busy(`${own} of your own`);
      if (this.#running.length >= mostAtOnce) throw busy(`${mostAtOnce}`);
      this.#running.push(actor);
      try {
        return await handler(call);
      } finally {
        this.#running.splice(this.#running.indexOf(actor), 1);
      }
    };
  }
}

const busy = (many: string): PosternError =>
  new PosternError('conflict', 'too many readings of the whole log', {
    tell: `There are ${many} readings of the whole log under way: wait for them, or end them.`,
  });
