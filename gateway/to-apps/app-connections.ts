/**
 * The connections to one app, each for one request at a time: the one that was used last is used next. Undici's own pool asks all of its connections
 * one after the other, twice for each request; and one that was asked for something impossible it never uses again.
 */
import { Client, type Dispatcher, errors } from 'undici';
import { sizeOf } from '#shared/wire/undici-parts.ts';

/** `isOver`: nobody waits for it any more. Undici's handlers cannot tell; of the forwarder's each does. */
type Handler = Dispatcher.DispatchHandler & { readonly isOver?: boolean };

interface Waiting {
  readonly options: Dispatcher.DispatchOptions;
  readonly handler: Handler;
}

/** So many may wait before it is looked who still does. */
const leastLook = 64;

export class AppConnections implements Pick<Dispatcher, 'dispatch'> {
  readonly #open: () => Client;
  readonly #most: number;
  readonly #all = new Set<Client>();
  readonly #free: Client[] = [];
  #waiting: Waiting[] = [];
  #lookAt = leastLook;
  #isClosed = false;
  #onNoneWaits: (() => void) | undefined;

  /** `most`: connections at one time; requests beyond them wait. */
  constructor(origin: string, options: Client.Options, most: number) {
    this.#open = () => new Client(origin, { ...options, pipelining: 1 });
    this.#most = most;
  }

  /** As undici's, for handlers of its older form; what it returns tells nothing here. */
  dispatch(options: Dispatcher.DispatchOptions, handler: Handler): boolean {
    if (this.#isClosed) {
      handler.onError?.(new errors.ClientClosedError());
      return true;
    }
    const client = this.#free.pop() ?? this.#another();
    if (client === undefined) this.#wait({ options, handler });
    else if (!this.#send(client, options, handler)) this.#release(client);
    return true;
  }

  /** Takes no new request, and resolves when those that were taken have ended. */
  async close(): Promise<void> {
    this.#isClosed = true;
    if (this.#waiting.length > 0) await new Promise<void>((resolve) => (this.#onNoneWaits = resolve));
    await Promise.all(Array.from(this.#all, (client) => client.close()));
  }

  /** Ends all requests at once. */
  async destroy(): Promise<void> {
    this.#isClosed = true;
    for (const { handler } of this.#waiting.splice(0)) handler.onError?.(new errors.ClientDestroyedError());
    this.#onNoneWaits?.();
    await Promise.all(Array.from(this.#all, (client) => client.destroy()));
  }

  /** Where streams hold all connections, those who gave up waiting would be kept until a stream ends: each look is paid for by as many that came since the last. */
  #wait(waiting: Waiting): void {
    if (this.#waiting.length >= this.#lookAt) {
      this.#waiting = this.#waiting.filter(({ handler }) => handler.isOver !== true);
      this.#lookAt = Math.max(leastLook, 2 * this.#waiting.length);
    }
    this.#waiting.push(waiting);
  }

  /** False: undici refuses it, and so no 'drain' will tell that `client` takes the next. */
  #send(client: Client, options: Dispatcher.DispatchOptions, handler: Handler): boolean {
    return client.dispatch(options, handler) || sizeOf(client) > 0;
  }

  #release(client: Client): void {
    for (;;) {
      const next = this.#waiting.shift();
      if (next === undefined) break;
      if (next.handler.isOver !== true && this.#send(client, next.options, next.handler)) return;
    }
    this.#free.push(client);
    this.#onNoneWaits?.();
  }

  #another(): Client | undefined {
    if (this.#all.size >= this.#most) return undefined;
    const client = this.#open();
    this.#all.add(client);
    client.on('drain', () => this.#release(client));
    return client;
  }
}
