/**
 * Who calls the services listener: an API client, by `Authorization: Bearer` (RFC 6750), judged before a byte of the body is
 * read. Order: token known and not ended, rate, scope. Guessing slows down who guesses, never a client that has its token, not
 * even one behind the same address (P27).
 */
import type { ServerResponse } from 'node:http';
import type { FastifyRequest } from 'fastify';
import type { Clock } from '#shared/base/clock.ts';
import { PosternError } from '#shared/base/errors.ts';
import { plainAddress } from '#shared/base/plain-address.ts';
import { sourceOf } from '#shared/base/source-of.ts';
import { type ApiClient, findApiClient } from '../admin/api-clients.ts';
import { DeviceBudget } from '../grants/device-budget.ts';
import type { Db } from '../store/open-store.ts';

export interface ClientLimits {
  /** Requests of one client in a second; three seconds' worth may come at once. */
  readonly perSecond: number;
}

const maxToken = 256;
const bearer = /^Bearer +([A-Za-z0-9._~+/=-]+)$/i;
/** Wrong tokens of one source in a second. */
const guesses = { perSecond: 5, burst: 20 };
/** Batches of one client at the same time: each may be 2 MiB, and is in memory from its first byte to its answer. */
const mostBatches = 8;

export class ClientGate {
  readonly #db: Db;
  readonly #clock: Clock;
  readonly #rates: DeviceBudget;
  readonly #guesses = new DeviceBudget(guesses.perSecond, guesses.burst);
  readonly #batches = new Map<string, number>();

  constructor({ db, clock }: { readonly db: Db; readonly clock: Clock }, { perSecond }: ClientLimits) {
    this.#db = db;
    this.#clock = clock;
    this.#rates = new DeviceBudget(perSecond, 3 * perSecond);
  }

  /** Throws `token-needed`, `token-refused`, `too-many-requests` or `scope-needed`. */
  async authorize(request: FastifyRequest, scope: string): Promise<ApiClient> {
    const now = this.#clock.now();
    const { authorization } = request.headers;
    if (authorization === undefined) throw new PosternError('token-needed');
    const token = authorization.length > maxToken ? undefined : bearer.exec(authorization)?.[1];
    const client = token === undefined ? undefined : await findApiClient(this.#db, now, token);
    if (client === undefined) {
      const source = sourceOf(plainAddress(request.raw.socket.remoteAddress ?? 'unknown'));
      const wait = this.#guesses.take(source, now);
      throw wait > 0 ? tooMany('wrong tokens', wait) : new PosternError('token-refused');
    }
    const wait = this.#rates.take(client.name, now);
    if (wait > 0) throw tooMany(`${client.name} is over its rate`, wait);
    if (!client.scopes.includes(scope))
      throw new PosternError('scope-needed', `${client.name} may not ask ${scope}`, { extra: { scope } });
    return client;
  }

  /** Until `answer` has ended, one way or another. Throws `too-many-requests` when the client has enough of them open. */
  holdBatch({ name }: ApiClient, answer: ServerResponse): void {
    const open = this.#batches.get(name) ?? 0;
    if (open >= mostBatches) throw tooMany(`${name} has ${open} batches open`, 1000);
    this.#batches.set(name, open + 1);
    answer.once('close', () => {
      const left = (this.#batches.get(name) ?? 1) - 1;
      if (left > 0) this.#batches.set(name, left);
      else this.#batches.delete(name);
    });
  }
}

function tooMany(why: string, retryAfterMs: number): PosternError {
  return new PosternError('too-many-requests', why, { extra: { retryAfterMs } });
}
