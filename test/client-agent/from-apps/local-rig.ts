/** The whole local side on free ports, over a fake core; and a client that sends exactly what it is told. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type IncomingMessage, request, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type Log, silentLog } from '#shared/base/log.ts';
import type { ClientDesk } from '../../../client-agent/clients/client-desk.ts';
import type { AgentConfig } from '../../../client-agent/config.ts';
import type { OwnerCheck } from '../../../client-agent/from-apps/owner-check.ts';
import { type StartedLocalSide, startLocalSide } from '../../../client-agent/from-apps/start-local-side.ts';
import { FakeAgentCore, fakeGateway } from '../../support/fake-agent-core.ts';
import { localConfig } from '../../support/local-config.ts';
import { makeClients } from '../../support/make-clients.ts';

interface Test {
  teardown(close: () => unknown): void;
  testdir(): string;
}

export interface LocalRigOptions {
  readonly onRequest?: (req: IncomingMessage, res: ServerResponse) => void;
  readonly onUpgrade?: (req: IncomingMessage, socket: Duplex) => void;
  readonly tcpApp?: number;
  readonly tcp?: Record<string, number>;
  readonly socks?: boolean;
  readonly clientAddresses?: string[];
  readonly dns?: Partial<AgentConfig['local']['dns']>;
  readonly realNames?: boolean;
  /** Of the clock at first. */
  readonly now?: number;
  /** The system's unless told. */
  readonly ownerCheck?: OwnerCheck;
  readonly log?: Log;
}

export interface LocalRig {
  readonly core: FakeAgentCore;
  readonly side: StartedLocalSide;
  readonly clients: ClientDesk;
  readonly port: number;
  /** Milliseconds; the clock of cookies and links. */
  now: number;
  /** What the gateway got, oldest first. */
  readonly got: { readonly url: string; readonly method: string; readonly headers: IncomingMessage['headers'] }[];
  readonly portalGot: string[];
}

export async function localRig(t: Test, options: LocalRigOptions = {}): Promise<LocalRig> {
  const got: LocalRig['got'] = [];
  const portalGot: string[] = [];
  const gateway = await fakeGateway(
    t,
    (req, res) => {
      got.push({ url: req.url!, method: req.method!, headers: req.headers });
      if (options.onRequest !== undefined) options.onRequest(req, res);
      else req.resume().on('end', () => res.end('from the app'));
    },
    options.onUpgrade,
  );
  const core = new FakeAgentCore(t, gateway, options.tcpApp);
  const rig = { core, got, portalGot, now: options.now ?? 1_000_000_000_000 };
  const directory = t.testdir();
  const clock = { now: () => rig.now };
  const log = options.log ?? silentLog;
  const clients = makeClients(directory, clock, log);
  const side = await startLocalSide({
    agent: core.agent,
    config: localConfig({
      socks: options.socks === true ? await freePort() : 0,
      tcp: options.tcp ?? {},
      clientAddresses: options.clientAddresses ?? [],
      realNames: options.realNames ?? false,
      ...(options.dns === undefined ? {} : { dns: { ...localConfig().dns, ...options.dns } }),
    }),
    directory,
    clients,
    portal: (req, res) => {
      portalGot.push(`${req.method} ${req.url}`);
      res.end('the portal');
    },
    clock,
    log,
    ...(options.ownerCheck === undefined ? {} : { ownerCheck: options.ownerCheck }),
  });
  t.teardown(() => side.stop());
  t.teardown(() => clients.stop());
  return Object.assign(rig, { side, clients, port: side.ports.portal });
}

/** 0 means "off" for SOCKS, so a port is looked for before. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly rawHeaders: readonly string[];
  readonly trailers: IncomingMessage['trailers'];
  readonly body: string;
}

export interface Ask {
  readonly host: string;
  readonly path?: string;
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string | Buffer;
}

export function ask(port: number, { host, path = '/', method = 'GET', headers = {}, body }: Ask): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const req = request(
      { host: '127.0.0.1', port, path, method, headers: { host, ...headers }, agent: false },
      (res) => {
        const chunks: Buffer[] = [];
        res.on('data', (chunk: Buffer) => chunks.push(chunk));
        res.on('error', reject);
        res.on('end', () =>
          resolve({
            status: res.statusCode!,
            headers: res.headers,
            rawHeaders: res.rawHeaders,
            trailers: res.trailers,
            body: Buffer.concat(chunks).toString(),
          }),
        );
      },
    );
    req.on('error', reject);
    req.end(body);
  });
}

/** A connection that remembers what it read. */
export class RawClient {
  readonly socket: Socket;
  bytes: Buffer = Buffer.alloc(0);
  ended = false;
  #wake: () => void = () => {};

  constructor(t: Test, port: number, host = '127.0.0.1') {
    this.socket = connect({ port, host });
    this.socket.on('data', (chunk: Buffer) => {
      this.bytes = Buffer.concat([this.bytes, chunk]);
      this.#wake();
    });
    this.socket.on('error', () => {});
    for (const event of ['end', 'close']) {
      this.socket.on(event, () => {
        this.ended = true;
        this.#wake();
      });
    }
    t.teardown(() => this.socket.destroy());
  }

  get text(): string {
    return this.bytes.toString('latin1');
  }

  send(text: string | Buffer): this {
    this.socket.write(text, 'latin1');
    return this;
  }

  /** Waits until it holds; resolves early when the connection ends. */
  async until(holds: (text: string) => boolean): Promise<string> {
    while (!holds(this.text) && !this.ended) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.text;
  }

  /** Until the connection ends. */
  async rest(): Promise<string> {
    while (!this.ended) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.text;
  }
}

const linkPage = /action="([^"]+)"><input type="hidden" name="token" value="([^"]+)"/;

/** As a browser does with the file of a one-time link: the answer to its post. */
export async function postLink(rig: LocalRig, file = rig.side.oneTimeLink()): Promise<Answer> {
  const [, action = '', token = ''] = linkPage.exec(readFileSync(file, 'utf8')) ?? [];
  return ask(rig.port, {
    host: new URL(action).host,
    path: new URL(action).pathname,
    method: 'POST',
    headers: {
      ...navigation,
      'sec-fetch-site': 'cross-site',
      origin: 'null',
      'content-type': 'application/x-www-form-urlencoded',
    },
    body: new URLSearchParams({ token }).toString(),
  });
}

/** The cookie of a browser that was let in at the portal and went on to an app. */
export async function letInto(rig: LocalRig, app: string): Promise<string> {
  const host = `${app}.localhost:${rig.port}`;
  const first = await ask(rig.port, { host, headers: navigation });
  return cookieOf(await follow(rig, first, cookieOf(await postLink(rig))));
}

/** From the detour over the portal to the answer that sets the app's cookie. */
export async function follow(rig: LocalRig, detour: Answer, portalCookie: string): Promise<Answer> {
  const hop = new URL(detour.headers.location!);
  const headers = { ...navigation, cookie: portalCookie };
  const back = await ask(rig.port, { host: hop.host, path: hop.pathname + hop.search, headers });
  const at = new URL(back.headers.location!);
  const path = at.hostname.endsWith('.localhost') ? at.pathname + at.search : at.href;
  return ask(rig.port, { host: at.host, path, headers: navigation });
}

/** What Chromium sends with a link that somebody clicks. */
export const navigation = {
  accept: 'text/html,application/xhtml+xml;q=0.9,*/*;q=0.8',
  'user-agent': 'Mozilla/5.0 (X11; Linux x86_64) Chrome/156.0',
  'sec-fetch-site': 'none',
  'sec-fetch-mode': 'navigate',
  'sec-fetch-dest': 'document',
};

/** `name=value` of the one `Set-Cookie` of ours. */
export function cookieOf(answer: Answer): string {
  return (answer.headers['set-cookie'] ?? []).find((cookie) => cookie.startsWith('postern-local'))!.split(';', 1)[0]!;
}
