/**
 * One POST to a receiver of records. What it answers is capped in head, body and time; a redirect is not followed; no cookie or cache
 * exists. Of the answer at most a line is kept.
 */
import { isIP } from 'node:net';
import { second } from '#shared/base/clock.ts';
import { safeText } from '#shared/base/print-table.ts';
import { Agent, buildConnector } from '#shared/wire/undici-parts.ts';
import { allowedLookup, requireAllowed } from './allowed-address.ts';
import { type TargetSecrets, type TargetSettings, Trouble } from './target.ts';
import { tlsTo } from './target-tls.ts';

const wholeMs = 60 * second;
const silenceMs = 30 * second;
const connectMs = 10 * second;
const maxHead = 16 * 1024;
const maxAnswer = 1024 * 1024;
/** Nobody waits longer because a target said so. */
const mostRetryAfter = 600 * second;

export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
  readonly afterMs: number | undefined;
}

export class HttpPost {
  readonly #settings: TargetSettings;
  readonly #secrets: TargetSecrets;
  #agent: InstanceType<typeof Agent> | undefined;

  constructor(settings: TargetSettings, secrets: TargetSecrets) {
    this.#settings = settings;
    this.#secrets = secrets;
  }

  #open(): InstanceType<typeof Agent> {
    const settings = this.#settings;
    const connector = buildConnector({
      ...tlsTo(settings, this.#secrets),
      lookup: allowedLookup,
      timeout: connectMs,
      maxCachedSessions: 0,
      allowH2: false,
    } as never);
    return new Agent({
      connections: 1,
      pipelining: 1,
      maxHeaderSize: maxHead,
      headersTimeout: silenceMs,
      bodyTimeout: silenceMs,
      keepAliveTimeout: 10 * second,
      connect: (options, done) => {
        try {
          requireAllowed(options.hostname);
        } catch (error) {
          return done(error as Error, null);
        }
        const servername = settings.serverName ?? (isIP(options.hostname) === 0 ? options.hostname : undefined);
        connector({ ...options, ...(servername === undefined ? {} : { servername }) }, done);
      },
    });
  }

  /** Throws a Trouble when there was no answer, or none that ended. */
  async post(
    url: URL,
    headers: Readonly<Record<string, string>>,
    body: string,
    signal: AbortSignal,
  ): Promise<HttpAnswer> {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(wholeMs)]);
    try {
      this.#agent ??= this.#open();
      const answer = await this.#agent.request({
        origin: url.origin,
        path: this.#pathOf(url),
        method: 'POST',
        headers: { 'user-agent': 'postern', ...headers },
        body,
        signal: limit,
      });
      let text = '';
      let bytes = 0;
      for await (const chunk of answer.body as AsyncIterable<Buffer>) {
        bytes += chunk.length;
        if (bytes > maxAnswer) throw new Trouble('its answer does not end');
        text += chunk.toString('latin1');
      }
      return {
        status: answer.statusCode,
        body: Buffer.from(text, 'latin1').toString(),
        afterMs: retryAfter(answer.headers['retry-after']),
      };
    } catch (error) {
      if (error instanceof Trouble) throw error;
      const why =
        limit.aborted && !signal.aborted ? `no whole answer in ${wholeMs / second} s` : (error as Error).message;
      throw new Trouble(why, { cause: error });
    }
  }

  /** As `URL` writes it, so that nothing of it ends the line of the request. */
  #pathOf({ pathname, searchParams }: URL): string {
    const { query } = this.#secrets;
    const { search } = new URL(
      `http://x/?${[searchParams.toString(), query ?? ''].filter((part) => part !== '').join('&')}`,
    );
    return pathname + search;
  }

  /** The next post dials again. */
  close(): void {
    void this.#agent?.destroy();
    this.#agent = undefined;
  }
}

/** RFC 9110 section 10.2.3: seconds, or a date. */
function retryAfter(value: string | string[] | undefined): number | undefined {
  if (typeof value !== 'string') return undefined;
  const ms = /^\d{1,6}$/.test(value) ? Number(value) * second : Date.parse(value) - Date.now();
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(0, ms), mostRetryAfter);
}

const mostSaid = 160;

/** `400: what it said`, on one line, without controls. */
export const said = ({ status, body }: HttpAnswer): string =>
  safeText(`it answered ${status}: ${body.slice(0, mostSaid)}`.trim());

/** What no API takes as a word on content: 5xx, 429, wrong credentials, wrong place, a redirect. Tried again for ever. */
export function notNow(answer: HttpAnswer): Trouble {
  const { status, afterMs } = answer;
  const why = status >= 300 && status < 400 ? `it answered ${status}: redirects are not followed` : said(answer);
  return new Trouble(why, { afterMs });
}
