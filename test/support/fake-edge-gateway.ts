/** A gateway for tests of the agent: real mutual TLS, answers by a function of the test, and a list of what it was shown. */
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { systemClock } from '#shared/base/clock.ts';
import { type ErrorCode, PosternError } from '#shared/base/errors.ts';
import { grantHeader, verdictHeader } from '#shared/contracts/agent-to-gateway.ts';
import { keyThumbprint } from '#shared/crypto/keys.ts';
import type { Role } from '#shared/crypto/spiffe.ts';
import { guardServer } from '#shared/wire/admit-peer.ts';
import { responseOnSocket } from '#shared/wire/forward-socket-response.ts';
import { serverTlsOptions } from '#shared/wire/mutual-tls.ts';
import type { TestCa } from './test-ca.ts';

interface Test {
  teardown(close: () => unknown): void;
}

export interface FakeGatewayOptions {
  readonly ca: TestCa;
  readonly id?: string;
  readonly role?: Role;
  /** Answers a request; 200 and its grant unless told. */
  readonly onRequest?: (req: IncomingMessage, res: ServerResponse) => void;
  readonly onConnect?: (req: IncomingMessage, socket: Duplex) => void;
}

/** The refusal of a gateway, as the real one writes it. */
export function refuseAt(res: ServerResponse, code: ErrorCode, extra: Record<string, unknown> = {}): void {
  const error = new PosternError(code, code, { extra });
  const body = JSON.stringify(error.toProblem('0'.repeat(32)));
  res.writeHead(error.status, { 'content-type': 'application/problem+json', [verdictHeader]: code }).end(body);
}

export type FakeGateway = Awaited<ReturnType<typeof startFakeGateway>>;

export async function startFakeGateway(t: Test, options: FakeGatewayOptions) {
  const { ca, id = 'gw1', role = 'gateway' } = options;
  const seen: { method: string; url: string; grant: string | undefined }[] = [];
  const presented: string[][] = [];
  const waiting: (() => void)[] = [];
  const answers: {
    request: (req: IncomingMessage, res: ServerResponse) => void;
    renewal: (grants: string[]) => { renewed: number; refused: { index: number; code: string }[] };
    connect: (req: IncomingMessage, socket: Duplex) => void;
  } = {
    request: options.onRequest ?? ((req, res) => res.end(String(req.headers[grantHeader]))),
    renewal: (grants) => ({ renewed: grants.length, refused: [] }),
    connect:
      options.onConnect ??
      ((_, socket) => {
        socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
        socket.pipe(socket);
      }),
  };
  const note = (req: IncomingMessage) => {
    const grant = req.headers[grantHeader] as string | undefined;
    seen.push({ method: req.method!, url: req.url!, grant });
  };
  const own = await ca.leaf(role, id);
  const server = createServer(serverTlsOptions({ ...own, mutual: true }), async (req, res) => {
    if (req.url !== '/.postern/grants') {
      note(req);
      answers.request(req, res);
      return;
    }
    const chunks: Buffer[] = [];
    for await (const chunk of req) chunks.push(chunk as Buffer);
    const { grants } = JSON.parse(Buffer.concat(chunks).toString()) as { grants: string[] };
    presented.push(grants);
    const body = JSON.stringify(answers.renewal(grants));
    res.writeHead(200, { 'content-type': 'application/json', [verdictHeader]: 'allow' }).end(body);
    for (const wake of waiting.splice(0)) wake();
  });
  server.on('connect', (req: IncomingMessage, socket: Duplex) => {
    note(req);
    socket.on('error', () => {});
    answers.connect(req, socket);
  });
  const rules = { trustDomain: ca.trustDomain, roles: ['device'] as const, clock: systemClock, denied: () => false };
  guardServer(server, { ...rules, onRefused: () => {} });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    /** As a grant answer names it. */
    place: { id, site: 'main', address },
    /** Thumbprint of its key. */
    jkt: keyThumbprint(new X509Certificate(own.certificate).publicKey),
    /** Change an answer by assigning to it. */
    answers,
    seen,
    /** The lists of grants that came to `/.postern/grants`. */
    presented,
    renewal: () => new Promise<void>((resolve) => waiting.push(resolve)),
    refuseConnect: (req: IncomingMessage, socket: Duplex, code: ErrorCode, extra?: Record<string, unknown>) =>
      refuseAt(responseOnSocket(req, socket), code, extra),
    stop: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
