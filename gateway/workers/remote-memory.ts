/** The replay memory of knocks as a worker has it: the primary keeps it, for all of them. */
import { PosternError } from '#shared/base/errors.ts';
import type { ReplayMemory } from '#shared/wire/doors/replay-memory.ts';

export class RemoteMemory implements ReplayMemory {
  readonly since: number;
  readonly #ask: (id: number, key: string, counter: number) => void;
  readonly #waiting = new Map<number, (good: boolean | undefined) => void>();
  #nextId = 1;

  constructor(since: number, ask: (id: number, key: string, counter: number) => void) {
    this.since = since;
    this.#ask = ask;
  }

  async accept(key: string, counter: number): Promise<boolean> {
    const id = this.#nextId;
    this.#nextId += 1;
    const good = await new Promise<boolean | undefined>((resolve) => {
      this.#waiting.set(id, resolve);
      this.#ask(id, key, counter);
    });
    if (good === undefined) throw new PosternError('disk-failed', 'the primary could not keep a counter');
    return good;
  }

  /** `good` is undefined when it could not be kept. */
  answered(id: number, good: boolean | undefined): void {
    this.#waiting.get(id)?.(good);
    this.#waiting.delete(id);
  }
}
