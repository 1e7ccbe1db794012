/** A real agent with the smallest local side there is, a fake controller and fake gateways, everything over TLS. */
import { once } from 'node:events';
import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Test } from 'tap';
import { newTrace } from '#shared/base/bytes.ts';
import { asPosternError, PosternError } from '#shared/base/errors.ts';
import { grantHeader, traceHeader } from '#shared/contracts/agent-to-gateway.ts';
import { startForward } from '#shared/wire/forwarder.ts';
import { toAppHeaders } from '#shared/wire/http-headers.ts';
import { exactRequestOf } from '../../client-agent/grants/exact-request.ts';
import { isGatewayRefusal, readOutcome } from '../../client-agent/to-gateway/read-outcome.ts';
import { makeFakeAgent } from './fake-edge-agent.ts';
import { fakeGrant, startFakeEdge } from './fake-edge-controller.ts';
import type { FakeGateway } from './fake-edge-gateway.ts';
import type { TestCa } from './test-ca.ts';

/** Every request goes to the app `wiki`; grants are for the whole app unless `edge.edge.grants` says otherwise. */
export async function trafficWorld(t: Test, ca: TestCa, gateways: readonly FakeGateway[], signIn = true) {
  const edge = await startFakeEdge(t, { ca });
  let n = 0;
  edge.edge.grants = () => {
    n += 1;
    const id = `gr_${String(n).padStart(8, '0')}`;
    const places = gateways.map(({ place }) => place);
    return { grant: fakeGrant(id), id, expiresInMs: 60_000, scope: 'app', gateways: places };
  };
  const agent = await makeFakeAgent(t, { edge, signIn });
  const handle = async (req: IncomingMessage, res: ServerResponse) => {
    const trace = newTrace();
    const chunks: Buffer[] = [];
    for await (const chunk of req) chunks.push(chunk as Buffer);
    const body = chunks.length === 0 ? undefined : Buffer.concat(chunks);
    const named = exactRequestOf({ method: req.method!, host: 'wiki.test', url: req.url!, hosts: ['wiki.test'] });
    if (!named.ok) throw new PosternError('request-refused', named.reason);
    const safe = req.method === 'GET';
    await agent.traffic.run({
      app: 'wiki',
      exact: named.exact,
      trace,
      hold: req.headers['x-hold'] !== 'no',
      send: async ({ grant, once: forOne, forward }) => {
        const outcome = await startForward(req, res, {
          ...forward,
          method: req.method!,
          path: req.url!,
          headers: toAppHeaders(req.rawHeaders, { host: 'wiki.test', add: [grantHeader, grant, traceHeader, trace] }),
          timeouts: { connectMs: 5000, firstByteMs: 5000, idleMs: 0 },
          bufferedBody: body,
          keepBack: isGatewayRefusal,
        }).done;
        return readOutcome(outcome, { replayable: true, safe: safe && !forOne });
      },
    });
  };
  const server = createServer((req, res) => {
    handle(req, res).catch((thrown: unknown) => {
      const error = asPosternError(thrown);
      if (!res.headersSent) res.writeHead(error.status).end(error.code);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const ask = async (
    path: string,
    options: { method?: string; body?: string; headers?: Record<string, string> } = {},
  ) => {
    const { method = 'GET', body, headers = {} } = options;
    const req = httpRequest({ host: '127.0.0.1', port, path, method, headers: { ...headers, host: 'wiki.localhost' } });
    req.end(body);
    const [res] = (await once(req, 'response')) as [IncomingMessage];
    let text = '';
    for await (const chunk of res) text += String(chunk);
    return { status: res.statusCode!, text };
  };
  return { edge, agent, ask };
}
