/**
 * Every body, parameter and query of every contract, over each edge's own transport to a whole controller and a gateway:
 * valid, nearly valid, and altered as bytes. Nothing that breaks its schema is taken, and nothing fails inside.
 */
import fc from 'fast-check';
import type { Test } from 'tap';
import { Value } from 'typebox/value';
import type { Dispatcher } from 'undici';
import { isErrorCode } from '#shared/base/errors.ts';
import { adminContract } from '#shared/contracts/admin-to-controller.ts';
import { agentBootstrap, agentToController } from '#shared/contracts/agent-to-controller.ts';
import { agentToGateway } from '#shared/contracts/agent-to-gateway.ts';
import { gatewayBootstrap, gatewayToController } from '#shared/contracts/gateway-to-controller.ts';
import { myAccount } from '#shared/contracts/my-account.ts';
import type { RouteShape } from '#shared/contracts/route.ts';
import { fromSchema, nearValid } from '../from-schema.ts';
import { applyEdits, type Edit, edits } from '../mutate.ts';
import { type Edge, type OpenEdges, openEdges } from '../open-edges.ts';
import { type FuzzTarget, must, type OpenTarget, Rig } from '../target.ts';

interface Case {
  readonly edge: Edge;
  readonly route: RouteShape;
  readonly params: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, unknown>>;
  readonly body: unknown;
  readonly edits: readonly Edit[];
}

/** What exists in the controller of this target: without it every valid body would end at "not found". */
const names = ['olga', 'emma', 'main', 'gw-main', 'wiki', 'staff', 'dev_00000001', 'ses_00000001', '0'.repeat(32)];
const hints = { names };
const contracts: readonly (readonly [Edge, Readonly<Record<string, RouteShape>>])[] = [
  ['stranger', { ...agentBootstrap, ...gatewayBootstrap }],
  ['agent', { ...agentToController, ...myAccount }],
  ['gateway', gatewayToController],
  ['admin', adminContract],
  ['device', agentToGateway],
];
const isAnswered = ({ stream }: RouteShape) => stream === undefined;
const routes = contracts.flatMap(([edge, contract]) =>
  Object.values(contract)
    .filter(isAnswered)
    // Valid bodies of these write a file wherever they say, as root of the machine that runs this.
    .filter(({ path }) => path !== '/v1/admin/backup' && path !== '/v1/admin/keys/root/take')
    .map((route) => [edge, route] as const),
);

const cases: fc.Arbitrary<Case> = fc.oneof(...routes.map(([edge, route]) => caseOf(edge, route)));

function bodyOf(schema: object): fc.Arbitrary<unknown> {
  return fc.oneof(fromSchema(schema, hints), nearValid(schema, hints));
}

function caseOf(edge: Edge, route: RouteShape): fc.Arbitrary<Case> {
  const body = route.body === undefined ? fc.constant(undefined) : bodyOf(route.body);
  const param = fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(...names) },
    fc.string({ unit: 'binary', maxLength: 70 }),
  );
  const params = [...route.path.matchAll(/:(\w+)/g)].map(([, name = '']) => [name, param] as const);
  return fc.record({
    edge: fc.constant(edge),
    route: fc.constant(route),
    params: fc.record(Object.fromEntries(params)) as fc.Arbitrary<Record<string, string>>,
    query: (route.query === undefined ? fc.constant({}) : bodyOf(route.query)) as fc.Arbitrary<Record<string, unknown>>,
    body,
    edits: edits({ tokens: ['"', ',', '{', '}', '[', ':', '1e400', '"__proto__":', '"id":'], most: 2 }),
  });
}

export const bodies: FuzzTarget = {
  name: 'bodies',
  about: 'bodies, parameters and queries of every contract, over every edge',
  block: 150,
  async open() {
    let rig = new Rig();
    let edges = await openEdges(rig as unknown as Test);
    return {
      cases: cases as fc.Arbitrary<never>,
      judge: (one: Case) => judge(edges, one),
      async settle() {
        await edges.forgive();
        if (await edges.isWhole()) return;
        // Some valid call has signed its own caller out or taken its device away.
        await rig.close();
        rig = new Rig();
        edges = await openEdges(rig as unknown as Test);
        must(await edges.isWhole(), 'a new controller does not know its people');
      },
      close: () => rig.close(),
    } as OpenTarget<never>;
  },
};

async function judge(edges: OpenEdges, { edge, route, params, query, body, edits }: Case): Promise<void> {
  const path = route.path.replaceAll(/:(\w+)/g, (_, name) => encodeURIComponent((params[name] ?? '').toWellFormed()));
  const search = new URLSearchParams(
    Object.entries(query ?? {}).map(([name, value]) => [
      name,
      (JSON.stringify(value) ?? '').replaceAll(/^"|"$/g, '').toWellFormed(),
    ]),
  );
  const bytes = body === undefined ? undefined : applyEdits(Buffer.from(JSON.stringify(body)), edits);
  const { dispatcher, origin, headers } = edges.of(edge);
  const {
    statusCode,
    headers: answered,
    body: stream,
  } = await dispatcher.request({
    origin,
    path: `${path}${search.size === 0 ? '' : `?${search}`}`,
    method: route.method as Dispatcher.HttpMethod,
    headers: { ...headers, ...(bytes === undefined ? {} : { 'content-type': 'application/json' }) },
    ...(bytes === undefined ? {} : { body: bytes }),
  });
  const text = await stream.text();
  const call = `${route.method} ${route.path}`;
  if (statusCode >= 400) return judgeProblem(call, statusCode, String(answered['content-type']), text);
  must(statusCode === 200 || statusCode === 204, `${call} answered ${statusCode}`);
  must(
    route.body === undefined || Value.Check(route.body, JSON.parse(String(bytes))),
    `${call} took a body that breaks its schema`,
  );
  if (route.answer !== undefined)
    must(Value.Check(route.answer, JSON.parse(text)), `${call} gave an answer that breaks its schema`);
}

function judgeProblem(call: string, status: number, type: string, text: string): void {
  must(type === 'application/problem+json', `${call} answered ${status} as ${type}`);
  const { code, status: said, next } = JSON.parse(text) as { code: string; status: number; next: string };
  must(isErrorCode(code) && said === status && next !== undefined, `${call} answered ${status} with the code ${code}`);
  must(code !== 'internal' && code !== 'bad-answer', `${call} failed inside: ${text}`);
}
