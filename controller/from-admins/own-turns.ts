/** How many of one caller's questions may wait at once, so that who asks a hundred leaves room to others. */
import { PosternError } from '#shared/base/errors.ts';

export class OwnTurns {
  readonly #most: number;
  readonly #running = new Map<string, number>();

  constructor(most: number) {
    this.#most = most;
  }

  /** Throws `conflict` when so many of theirs wait already. */
  async run<T>(who: string, work: () => Promise<T>): Promise<T> {
    const running = this.#running.get(who) ?? 0;
    if (running >= this.#most) {
      const tell = `${this.#most} searches of yours wait already: try again when one is done.`;
      throw new PosternError('conflict', tell, { tell });
    }
    this.#running.set(who, running + 1);
    try {
      return await work();
    } finally {
      const left = this.#running.get(who)! - 1;
      if (left === 0) this.#running.delete(who);
      else this.#running.set(who, left);
    }
  }
}
