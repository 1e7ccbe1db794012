/**
 * The connections to one app, each for one request at a time: the one that was used last is used next. Undici's own pool asks all of its connections
 * one after the other, twice for each request; and one that was asked for something impossible it never uses again.
 */
import { createRequire } from 'node:module';
import { Client, type Dispatcher, errors } from 'undici';

// Of undici, whose version is pinned: 0 while a client takes requests and has none, and no 'drain' of it is on its way.
const { kNeedDrain } = createRequire(import.meta.url)('undici/lib/core/symbols.js') as { readonly kNeedDrain: unique symbol };

interface Waiting {
  readonly options: Dispatcher.DispatchOptions;
  readonly handler: Dispatcher.DispatchHandler;
}

export class AppConnections implements Pick<Dispatcher, 'dispatch'> {
  readonly #open: () => Client;
  readonly #most: number;
  readonly #all = new Set<Client>();
  readonly #free: Client[] = [];
  #waiting: Waiting[] = [];
  #isClosed = false;
  #onIdle: (() => void) | undefined;

  /** `most`: connections at one time; requests beyond them wait. */
  constructor(origin: string, options: Client.Options, most: number) {
    this.#open = () => new Client(origin, { ...options, pipelining: 1 });
    this.#most = most;
  }

  /** As undici's; what it returns tells nothing here. */
  dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    if (this.#isClosed) {
      handler.onError?.(new errors.ClientClosedError());
      return true;
    }
    const client = this.#free.pop() ?? this.#another();
    if (client === undefined) this.#waiting.push({ options, handler });
    else this.#send(client, options, handler);
    return true;
  }

  /** Takes no new request, and resolves when those that were taken have ended. */
  async close(): Promise<void> {
    this.#isClosed = true;
    if (this.#waiting.length > 0) await new Promise<void>((resolve) => (this.#onIdle = resolve));
    await Promise.all(Array.from(this.#all, (client) => client.close()));
  }

  /** Ends all requests at once. */
  async destroy(): Promise<void> {
    this.#isClosed = true;
    for (const { handler } of this.#waiting.splice(0)) handler.onError?.(new errors.ClientDestroyedError());
    this.#onIdle?.();
    await Promise.all(Array.from(this.#all, (client) => client.destroy()));
  }

  #send(client: Client, options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): void {
    client.dispatch(options, handler);
    // Not taken, as when undici finds something wrong with it: no 'drain' will come.
    if ((client as unknown as Record<symbol, number>)[kNeedDrain] === 0) this.#release(client);
  }

  #release(client: Client): void {
    const next = this.#waiting.shift();
    if (next !== undefined) this.#send(client, next.options, next.handler);
    else if (this.#all.has(client)) this.#free.push(client);
    if (this.#waiting.length === 0) this.#onIdle?.();
  }

  #another(): Client | undefined {
    if (this.#all.size >= this.#most) return undefined;
    const client = this.#open();
    this.#all.add(client);
    client.on('drain', () => this.#release(client));
    return client;
  }
}
