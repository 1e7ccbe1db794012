/** `/.postern/*`: the gateway's own on every host, behind the certificate gate and never an app's (P15). */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Value } from 'typebox/value';
import { PosternError } from '#shared/base/errors.ts';
import { agentToGateway, ownPathPrefix, traceHeader, verdictHeader } from '#shared/contracts/agent-to-gateway.ts';
import type { Ask, AskingPeer } from '../gates/ask.ts';
import { certificateGate } from '../gates/certificate.ts';
import { answerProblem } from './answer-problem.ts';
import type { DataParts } from './data-parts.ts';
import { readJsonBody } from './read-json-body.ts';
import { renewRunning } from './renew-running.ts';
import { refuseAsk } from './run-recorded.ts';

interface OwnExchange {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly goOn: () => void;
}

export async function answerOwnPath(parts: DataParts, ask: Ask, exchange: OwnExchange, trace: string): Promise<void> {
  const { req, res } = exchange;
  try {
    const refusal = certificateGate(ask, parts.state(), parts.time());
    if (refusal !== undefined || ask.peer === undefined) {
      throw refuseAsk(parts, ask, refusal ?? { code: 'certificate-missing' }, trace);
    }
    const answer = await answerOf(parts, ask, ask.peer, exchange);
    const body = JSON.stringify(answer);
    res.writeHead(200, {
      'content-type': 'application/json; charset=utf-8',
      'content-length': Buffer.byteLength(body),
      'cache-control': 'no-store',
      [verdictHeader]: 'allow',
      [traceHeader]: trace,
    });
    res.end(body);
  } catch (error) {
    if (!(error instanceof PosternError)) throw error;
    answerProblem(req, res, error, trace);
  }
}

async function answerOf(parts: DataParts, ask: Ask, peer: AskingPeer, exchange: OwnExchange): Promise<unknown> {
  const { renewStreams, hello } = agentToGateway;
  const path = ask.url.slice(Math.max(0, ask.url.indexOf(ownPathPrefix))).split('?', 1)[0];
  const state = parts.state();
  if (ask.method === hello.method && path === hello.path) {
    const isFresh = parts.time() <= state.freshUntil;
    return { gateway: state.gateway, site: state.site, state: isFresh ? 'fresh' : 'stale', device: peer.id };
  }
  if (ask.method !== renewStreams.method || path !== renewStreams.path) throw new PosternError('not-found');
  // A page that can make the agent send this would still need grants in its body; browsers get nothing here at all.
  if (ask.origin !== undefined || ask.fetchSite !== undefined) throw new PosternError('cross-site');
  exchange.goOn();
  const body = await readJsonBody(exchange.req, renewStreams.maxBody);
  if (!Value.Check(renewStreams.body, body)) throw new PosternError('bad-request', 'renewal of another shape');
  const renewal = await renewRunning(parts, body.grants, peer);
  if (renewal.refused.some(({ code }) => code === 'grant-key-unknown')) parts.onUnknownKey();
  return renewal;
}
