/** The clients of the running agent: who proves to be one, what runs under each, and its end when the client's comes (P30). */
import { type Clock, second } from '#shared/base/clock.ts';
import { PosternError } from '#shared/base/errors.ts';
import type { Stoppable } from '#shared/base/lifecycle.ts';
import type { Log } from '#shared/base/log.ts';
import { AttemptLimit } from './attempt-limit.ts';
import { type ClientBook, isAlive, type NewClient, type StoredClient } from './client-book.ts';

/** What `postern status` and `postern client list` show of one; nothing of its password. */
export interface ClientSeen {
  readonly name: string;
  readonly apps: readonly string[];
  readonly createdAt: number;
  readonly expiresAt?: number;
  readonly expired: boolean;
  /** Times it proved itself since the agent was started. */
  readonly uses: number;
  readonly lastUsedAt?: number;
  /** Its connections now. */
  readonly open: number;
}

/** A connection of a client. */
export interface ClientConnection {
  destroy(): unknown;
  once(event: 'close', listener: () => void): unknown;
}

export interface Attempt {
  readonly name: string;
  readonly password: string;
  /** For the limit and the log: the address it comes from. */
  readonly source: string;
  readonly connection: ClientConnection;
}

interface Use {
  uses: number;
  lastUsedAt: number | undefined;
  readonly open: Set<ClientConnection>;
}

const lookMs = second;

export class ClientDesk implements Stoppable {
  readonly #book: ClientBook;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #limit: AttemptLimit;
  /** By the stored client itself: one that was removed and added again is another. */
  readonly #uses = new Map<StoredClient, Use>();
  #timer: NodeJS.Timeout | undefined;

  constructor({ book, clock, log }: { readonly book: ClientBook; readonly clock: Clock; readonly log: Log }) {
    this.#book = book;
    this.#clock = clock;
    this.#log = log;
    this.#limit = new AttemptLimit(clock);
  }

  /** False while nobody could prove to be a client: then nobody is asked to. */
  any(): boolean {
    const now = this.#clock.now();
    return this.#book.list().some((client) => isAlive(client, now));
  }

  list(): readonly ClientSeen[] {
    return this.#book.list().map((client) => this.#seen(client));
  }

  /** As `ClientBook.add`. */
  add(client: Omit<NewClient, 'now'>): { readonly client: ClientSeen; readonly password: string } {
    const { client: stored, password } = this.#book.add({ ...client, now: this.#clock.now() });
    this.#log.info({ client: stored.name, apps: stored.apps }, 'a client was added');
    return { client: this.#seen(stored), password };
  }

  /** Ends what runs under it; how many connections that were. Throws `not-found`. */
  remove(name: string): number {
    const client = this.#book.remove(name);
    const cut = this.#cut(client);
    this.#uses.delete(client);
    this.#log.info({ client: name, cut }, 'a client was removed');
    return cut;
  }

  /**
   * The client that an attempt proves; its connection ends with the client. Throws `proxy-login-required` for a wrong name, a
   * wrong password and an expired client alike, `sign-in-throttled` past the limit.
   */
  prove({ name, password, source, connection }: Attempt): StoredClient {
    const client = this.#book.prove(name, password, this.#clock.now());
    if (client === undefined) throw this.#refuse(name, source);
    const use = this.#useOf(client);
    use.uses += 1;
    use.lastUsedAt = this.#clock.now();
    if (use.open.has(connection)) return client;
    use.open.add(connection);
    connection.once('close', () => use.open.delete(connection));
    this.#timer ??= setInterval(() => this.tick(), lookMs).unref();
    return client;
  }

  /** Whether it is still there: for what was proven earlier on the same connection. */
  isGood(client: StoredClient): boolean {
    return this.#book.list().includes(client) && isAlive(client, this.#clock.now());
  }

  /** Cuts what runs under clients that have expired. */
  tick(): void {
    const now = this.#clock.now();
    let open = 0;
    for (const [client, use] of this.#uses) {
      open += use.open.size;
      if (use.open.size === 0 || isAlive(client, now)) continue;
      this.#log.info({ client: client.name, cut: this.#cut(client) }, 'a client has expired');
    }
    if (open === 0) this.stop();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #cut(client: StoredClient): number {
    const open = [...(this.#uses.get(client)?.open ?? [])];
    for (const connection of open) connection.destroy();
    return open.length;
  }

  /** The log says what was wrong; the stranger hears one answer. */
  #refuse(name: string, source: string): PosternError {
    const { over, first, waitMs } = this.#limit.failed(source);
    if (!over) {
      const known = this.#book.find(name);
      const why =
        known === undefined ? 'no such client' : isAlive(known, this.#clock.now()) ? 'wrong password' : 'expired';
      // A name that is none may be a password that was typed into the wrong place.
      this.#log.warn({ source, why, ...(known === undefined ? {} : { client: name }) }, 'refused a proxy login');
      return new PosternError('proxy-login-required', `refused a proxy login: ${why}`);
    }
    if (first) this.#log.warn({ source, waitMs }, 'too many wrong proxy logins: further ones are not logged');
    return new PosternError('sign-in-throttled', undefined, { extra: { retryAfterMs: waitMs } });
  }

  #useOf(client: StoredClient): Use {
    const use = this.#uses.get(client) ?? { uses: 0, lastUsedAt: undefined, open: new Set() };
    this.#uses.set(client, use);
    return use;
  }

  #seen(client: StoredClient): ClientSeen {
    const { name, apps, createdAt, expiresAt } = client;
    const use = this.#uses.get(client);
    return {
      name,
      apps,
      createdAt,
      ...(expiresAt === undefined ? {} : { expiresAt }),
      expired: !isAlive(client, this.#clock.now()),
      uses: use?.uses ?? 0,
      ...(use?.lastUsedAt === undefined ? {} : { lastUsedAt: use.lastUsedAt }),
      open: use?.open.size ?? 0,
    };
  }
}
