import t from 'tap';
import { PosternError } from '#shared/base/errors.ts';
import { silentLog } from '#shared/base/log.ts';
import { adminContract } from '#shared/contracts/admin-to-controller.ts';
import { agentBootstrap, agentToController } from '#shared/contracts/agent-to-controller.ts';
import { agentToGateway } from '#shared/contracts/agent-to-gateway.ts';
import { gatewayBootstrap, gatewayToController } from '#shared/contracts/gateway-to-controller.ts';
import { createEdgeApp } from '#shared/wire/edge-app.ts';
import { openApiOf, serveOpenApi } from '#shared/wire/open-api.ts';
import { serveContract } from '#shared/wire/serve-contract.ts';

const edges = {
  bootstrap: { ...agentBootstrap, ...gatewayBootstrap },
  agents: agentToController,
  gateways: gatewayToController,
  edge3: agentToGateway,
};

t.test('every route of every contract is described', async (t) => {
  for (const contracts of [edges, { admin: adminContract }]) {
    const document = openApiOf('Postern', contracts);
    const operations = Object.values(document.paths).flatMap((path) => Object.values(path)) as {
      operationId: string;
      security: unknown[];
    }[];
    const routes = Object.values(contracts).flatMap((contract) => Object.values(contract));
    t.equal(operations.length, routes.length);
    t.equal(new Set(operations.map(({ operationId }) => operationId)).size, routes.length);
    t.same(document, JSON.parse(JSON.stringify(document)), 'plain JSON, without marks of the library');
    t.notMatch(JSON.stringify(document), /"~/);
  }
  const document = openApiOf('Postern', edges);
  t.match(document.paths['/v1/grants'], {
    post: {
      operationId: 'agents.grants',
      security: [{ certificate: [], session: [] }],
      requestBody: { content: { 'application/json': { schema: { additionalProperties: false } } } },
    },
  });
  t.match(document.paths['/v1/gateway/stream'], {
    get: { responses: { 200: { content: { 'application/x-ndjson': {} } } } },
  });
  const twice = { a: agentToGateway, b: agentToGateway };
  t.throws(() => openApiOf('x', twice), { message: /two routes/ });
});

t.test('the document is served to whom it may concern', async (t) => {
  const app = createEdgeApp({ log: silentLog });
  t.teardown(() => app.close());
  const document = openApiOf('Postern', edges);
  await serveOpenApi(app, document, {
    authorize: (request) => {
      if (request.headers.authorization === undefined) throw new PosternError('session-required');
    },
  });
  const headers = { authorization: 'x' };
  for (const url of ['/docs', '/docs/json', '/docs/static/swagger-ui.css']) {
    t.equal((await app.inject({ url })).statusCode, 401, `${url} is refused`);
    t.equal((await app.inject({ url, headers })).statusCode, 200, `${url} is served`);
  }
  t.same((await app.inject({ url: '/docs/json', headers })).json(), document);
});

t.test('every contract can be served as it stands', async (t) => {
  for (const contract of [...Object.values(edges), adminContract]) {
    const app = createEdgeApp({ log: silentLog });
    t.teardown(() => app.close());
    const handlers = Object.fromEntries(Object.keys(contract).map((name) => [name, () => {}]));
    const authorize = () => {
      throw new PosternError('not-allowed');
    };
    serveContract(app, contract, handlers as never, { authorize });
    await app.ready();
    for (const route of Object.values(contract)) {
      const url = route.path.replaceAll(/:[a-zA-Z]+/g, 'x');
      const response = await app.inject({ method: route.method, url });
      t.equal(response.json().code, 'not-allowed', `${route.method} ${route.path}`);
    }
  }
});
