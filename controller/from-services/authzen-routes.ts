/**
 * The HTTPS binding of the OpenID AuthZEN Authorization API 1.0: our own schema at the root, each policy store below
 * `/stores/<name>`. Order of each request: token, rate, scope, size, media type, JSON, shape, decision, record, answer.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { PosternError } from '#shared/base/errors.ts';
import { slugPattern } from '#shared/base/known-patterns.ts';
import type { Log } from '#shared/base/log.ts';
import { plainAddress } from '#shared/base/plain-address.ts';
import type { Sealer } from '#shared/crypto/seal.ts';
import { traceOf } from '#shared/wire/problem-reply.ts';
import type { ApiClient } from '../admin/api-clients.ts';
import type { Decided, DecisionPoint } from '../authzen/decision-point.ts';
import { evaluateMany } from '../authzen/evaluate-many.ts';
import { type OwnParts, ownPoint } from '../authzen/own-point.ts';
import { makePageToken, readPageToken } from '../authzen/page-token.ts';
import { notThere, type PolicyStores } from '../authzen/policy-stores.ts';
import { type Json, readJson } from '../authzen/read-json.ts';
import { readEvaluation, readEvaluations, readSearch, type SearchKind, searchKinds } from '../authzen/read-request.ts';
import { runSearch } from '../authzen/run-search.ts';
import { scopeOf, storePath } from '../authzen/store-path.ts';
import { storePoint } from '../authzen/store-point.ts';
import { inTurns, type Workbench } from '../authzen/workbench.ts';
import type { ClientGate } from './authorize-client.ts';
import type { AuthzenCounts } from './authzen-counts.ts';
import { sendPlainError } from './plain-errors.ts';
import { type Asked, recordEvaluations, recordSearch } from './record-authzen.ts';

export interface AuthzenParts extends OwnParts {
  readonly sealer: Sealer;
  readonly log: Log;
  readonly stores: PolicyStores;
  readonly gate: ClientGate;
  readonly bench: Workbench;
  readonly counts: AuthzenCounts;
  readonly records: boolean;
  /** Like `https://pdp.example.com:8446`. */
  readonly url: () => string;
}

const evaluationBytes = 256 * 1024;
const batchBytes = 2 * 1024 * 1024;
const requestIdHeader = 'x-request-id';
/** Long enough for what anybody makes such an id of; a longer one is told, not cut. */
const maxRequestId = 1024;

interface Call extends Asked {
  readonly point: DecisionPoint;
  readonly body: Json;
}

export function authzenRoutes(app: FastifyInstance, parts: AuthzenParts): void {
  app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, done) => done(null, body));
    scope.setErrorHandler((error, request, reply) => {
      parts.counts.refused += 1;
      return sendPlainError(error, request, reply, parts.log);
    });
    scope.addHook('onRequest', async (request, reply) => echoRequestId(request, reply));
    for (const base of ['', '/stores/:store']) {
      const post = (path: string, bodyLimit: number, handle: (call: Call) => Promise<unknown>) =>
        addRoute(scope, parts, { url: base + path, bodyLimit, handle });
      post('/access/v1/evaluation', evaluationBytes, (call) => evaluate(parts, call));
      post('/access/v1/evaluations', batchBytes, (call) => evaluations(parts, call));
      for (const kind of searchKinds)
        post(`/access/v1/search/${kind}`, evaluationBytes, (call) => search(parts, call, kind));
      scope.get(`/.well-known/authzen-configuration${base}`, async (request, reply) => {
        reply.header('cache-control', 'max-age=300');
        return metadata(parts.url() + storePath(storeOf(request)));
      });
    }
  });
}

interface RouteOrder {
  readonly url: string;
  readonly bodyLimit: number;
  readonly handle: (call: Call) => Promise<unknown>;
}

function addRoute(scope: FastifyInstance, parts: AuthzenParts, { url, bodyLimit, handle }: RouteOrder): void {
  const clients = new WeakMap<FastifyRequest, ApiClient>();
  scope.post(url, {
    bodyLimit,
    onRequest: async (request, reply) => {
      const client = await parts.gate.authorize(request, scopeOf(storeOf(request)));
      if (bodyLimit > evaluationBytes) parts.gate.holdBatch(client, reply.raw);
      clients.set(request, client);
    },
    handler: async (request, reply) => {
      const client = clients.get(request);
      if (client === undefined) throw new PosternError('internal', `${url} was not authorized`);
      const { body: text } = request;
      const body = readJson(typeof text === 'string' ? text : '');
      const store = storeOf(request);
      const from = plainAddress(request.raw.socket.remoteAddress ?? 'unknown');
      const asked = { client: client.name, store, trace: traceOf(request.raw), from };
      const answer = await handle({ ...asked, body, point: await pointOf(parts, store, client) });
      reply.header('cache-control', 'no-store');
      return reply.type('application/json').send(Buffer.from(JSON.stringify(answer)));
    },
  });
}

async function pointOf(parts: AuthzenParts, store: string, { name }: ApiClient): Promise<DecisionPoint> {
  const asWork = (point: DecisionPoint) => inTurns(point, (work) => parts.bench.take(name, work));
  if (store === '') return asWork(ownPoint(parts));
  const found = await parts.stores.find(store);
  if (found === undefined) throw notThere(store);
  return asWork(storePoint(found));
}

async function evaluate(parts: AuthzenParts, call: Call): Promise<unknown> {
  const asked = readEvaluation(call.body);
  const decided = await call.point.evaluate(asked);
  if (parts.records) await recordEvaluations(parts, call, [{ asked, decided }]);
  parts.counts.count(decided.decision);
  return show(decided);
}

async function evaluations(parts: AuthzenParts, call: Call): Promise<unknown> {
  const batch = readEvaluations(call.body);
  if (batch === undefined) return evaluate(parts, call);
  const all = await evaluateMany(call.point, batch);
  const asked = (at: number) => {
    const item = batch.items[at];
    return item instanceof PosternError ? undefined : item;
  };
  if (parts.records)
    await recordEvaluations(
      parts,
      call,
      all.map((decided, at) => ({ asked: asked(at), decided })),
    );
  for (const { decision } of all) parts.counts.count(decision);
  return { evaluations: all.map(show) };
}

async function search(parts: AuthzenParts, call: Call, kind: SearchKind): Promise<unknown> {
  const asked = readSearch(kind, call.body);
  const after = readPageToken(parts.sealer, call, asked);
  const { results, next } = await runSearch(call.point, asked, after);
  if (parts.records) await recordSearch(parts, call, asked, results.length);
  parts.counts.searches += 1;
  const token = next === undefined ? '' : makePageToken(parts.sealer, call, asked, next);
  return { results, page: { next_token: token, count: results.length } };
}

const show = ({ decision, context }: Decided) => ({ decision, ...(context === undefined ? {} : { context }) });

/** "Policy Decision Point Metadata". Made from the address alone: it tells of no store whether there is one (P12). */
function metadata(url: string): Record<string, string> {
  const at = (path: string) => `${url}/access/v1/${path}`;
  return {
    policy_decision_point: url,
    access_evaluation_endpoint: at('evaluation'),
    access_evaluations_endpoint: at('evaluations'),
    search_subject_endpoint: at('search/subject'),
    search_resource_endpoint: at('search/resource'),
    search_action_endpoint: at('search/action'),
  };
}

const slug = new RegExp(slugPattern);

/** The empty text at the root. */
function storeOf({ params }: FastifyRequest): string {
  const { store } = params as { store?: string };
  if (store === undefined) return '';
  if (!slug.test(store)) throw new PosternError('not-found');
  return store;
}

/** "Request Identification in a Response": the same text, also with an error. */
function echoRequestId({ headers }: FastifyRequest, reply: FastifyReply): void {
  const id = headers[requestIdHeader];
  if (id === undefined) return;
  const text = [id].flat().join(', ');
  if (text.length > maxRequestId)
    throw new PosternError('bad-request', undefined, { tell: `X-Request-ID is longer than ${maxRequestId}.` });
  reply.header(requestIdHeader, text);
}
