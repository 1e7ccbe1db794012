/**
 * One request or WebSocket of a local client on its way to an app: named canonically, given a grant by the
 * core, sent to a gateway, and repeated once where the gateway asks for it and the body allows it.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { newTrace } from '#shared/base/bytes.ts';
import { second } from '#shared/base/clock.ts';
import { asPosternError, PosternError } from '#shared/base/errors.ts';
import type { Log } from '#shared/base/log.ts';
import { grantHeader, traceHeader } from '#shared/contracts/agent-to-gateway.ts';
import { responseOnSocket } from '#shared/wire/forward-socket-response.ts';
import type { Forwarding, ForwardOptions, ForwardOutcome } from '#shared/wire/forward-types.ts';
import { forwardUpgrade } from '#shared/wire/forward-upgrade.ts';
import { startForward } from '#shared/wire/forwarder.ts';
import { toAppHeaders } from '#shared/wire/http-headers.ts';
import { watchGone } from '#shared/wire/watch-gone.ts';
import type { Agent, Lease, Sent } from '../agent-api.ts';
import { exactRequestOf } from '../grants/exact-request.ts';
import { isGatewayRefusal, readOutcome } from '../to-gateway/read-outcome.ts';
import { answerLocal } from './answer-local.ts';
import { isTopNavigation } from './browser-signs.ts';
import { frameHeaders } from './foreign-pages.ts';
import { KeptBody } from './kept-body.ts';
import { mapRequestHeaders, mapResponseHeaders } from './map-headers.ts';
import type { Site } from './sites.ts';

export interface LocalExchange {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  /** Origin form, as it goes to the gateway. */
  readonly target: string;
  /** The connection itself, for a request that `isWebSocketUpgrade` accepted. */
  readonly upgrade?: { readonly socket: Duplex; readonly head: Buffer };
  /** The client waits for `100 Continue`. */
  readonly expects: boolean;
  /** Name of the client of `postern client add` that asks, if any. */
  readonly client?: string | undefined;
}

export interface ReverseProxyParts {
  readonly agent: Pick<Agent, 'traffic' | 'activity'>;
  readonly log: Log;
  readonly portalOrigin: string;
}

/** The gateway has its own limits for the app; these are for a gateway that is not there. */
const timeouts = { connectMs: 10 * second, firstByteMs: 330 * second, idleMs: 0 };
const safeMethods = new Set(['GET', 'HEAD', 'OPTIONS']);
const reservedPath = /^\/\.postern(-local)?(\/|$)/i;

/** Never rejects: whatever happens is answered. */
export async function forwardToApp(parts: ReverseProxyParts, site: Site, exchange: LocalExchange): Promise<void> {
  const { req, res } = exchange;
  const trace = newTrace();
  const gone = new AbortController();
  const unwatch = watchClient(exchange, () => gone.abort(new PosternError('stream-cut', 'the client went away')));
  const answer = (error: PosternError) => answerLocal(req, res, { error, trace, portal: parts.portalOrigin });
  try {
    const outcome = await run(parts, site, exchange, { trace, signal: gone.signal, onAnswer: unwatch });
    if (gone.signal.aborted) drop(exchange);
    else if (outcome.error !== undefined) answer(outcome.error);
  } catch (thrown) {
    if (gone.signal.aborted) return drop(exchange);
    const error = asPosternError(thrown);
    if (error.code === 'internal') parts.log.error({ err: thrown, trace, app: site.app.id }, 'a local request failed');
    answer(error);
  } finally {
    unwatch();
  }
}

/**
 * A connection that is a WebSocket's is read by nobody while a grant is asked for, and stays open when its client ends it: nothing
 * else would tell. From the answer on the forwarder looks after it.
 */
function watchClient({ res, upgrade }: LocalExchange, onGone: () => void): () => void {
  if (upgrade !== undefined) return watchGone(upgrade.socket, onGone);
  res.once('close', onGone);
  return () => res.off('close', onGone);
}

function drop({ res, upgrade }: LocalExchange): void {
  (upgrade?.socket ?? res).destroy();
}

interface RunOptions {
  readonly trace: string;
  readonly signal: AbortSignal;
  readonly onAnswer: () => void;
}

function run(
  parts: ReverseProxyParts,
  site: Site,
  exchange: LocalExchange,
  { trace, signal, onAnswer }: RunOptions,
): Promise<ForwardOutcome> {
  const { req, res, target } = exchange;
  const method = req.method ?? '';
  const named = exactRequestOf({ method, host: site.host, url: target, hosts: site.app.hosts });
  if (!named.ok) throw new PosternError('request-refused', undefined, { extra: { reason: named.reason } });
  // P15: the gateway's own paths are asked for by the core alone.
  if (reservedPath.test(named.path)) throw new PosternError('not-found');

  const body = new KeptBody(req);
  let sends = 0;
  const send = async (lease: Lease): Promise<Sent<ForwardOutcome>> => {
    sends += 1;
    const isFirst = sends === 1;
    // What the first attempt left unread is read on here.
    const bufferedBody = isFirst ? undefined : await body.whole();
    if (isFirst && exchange.expects) res.writeContinue();
    const outcome = await forward(exchange, isFirst, {
      ...lease.forward,
      ...options(parts, site, exchange, trace, lease),
      bufferedBody,
      signal,
      onResponseStart: () => {
        body.drop();
        if (exchange.upgrade !== undefined) onAnswer();
      },
    }).done;
    const sent = readOutcome(outcome, { replayable: body.canRepeat, safe: !lease.once && safeMethods.has(method) });
    // The forwarder has thrown away what was still on its way of a body that is not kept.
    return 'refused' in sent && !body.canRepeat ? { ...sent, canRepeat: false } : sent;
  };
  return parts.agent.traffic.run({
    app: site.app.id,
    exact: named.exact,
    trace,
    client: exchange.client,
    // A person who navigates is better served by a page that says what to do than by a tab that hangs.
    hold: !isTopNavigation(method, req.headers),
    signal,
    send,
  });
}

function forward({ req, res, upgrade }: LocalExchange, isFirst: boolean, options: ForwardOptions): Forwarding {
  if (upgrade === undefined) return startForward(req, res, options);
  // The forwarder puts the head back into the socket; once is enough.
  return forwardUpgrade(req, upgrade.socket, isFirst ? upgrade.head : Buffer.alloc(0), options);
}

type Fixed = Pick<
  ForwardOptions,
  'method' | 'path' | 'headers' | 'timeouts' | 'keepBack' | 'responseHeaders' | 'onBytes'
>;

function options(
  parts: ReverseProxyParts,
  site: Site,
  { req, target }: LocalExchange,
  trace: string,
  lease: Lease,
): Fixed {
  return {
    method: req.method ?? '',
    path: target,
    headers: toAppHeaders(mapRequestHeaders(req.rawHeaders, site.map), {
      host: site.host,
      add: [grantHeader, lease.grant, traceHeader, trace],
    }),
    timeouts,
    keepBack: isGatewayRefusal,
    responseHeaders: (_status, headers) => [
      ...mapResponseHeaders(headers, site.map),
      ...frameHeaders(site),
      traceHeader,
      trace,
    ],
    onBytes: (direction) => {
      if (direction === 'up') parts.agent.activity();
    },
  };
}

/** The response of a WebSocket handshake is made on its socket, for refusals. */
export function upgradeExchange(req: IncomingMessage, socket: Duplex, head: Buffer, target: string): LocalExchange {
  return { req, res: responseOnSocket(req, socket), target, upgrade: { socket, head }, expects: false };
}
