/**
 * A stand-in for the agent's core behind `client-agent/agent-api.ts`, with a plain HTTP server as its gateway: for tests of the
 * local side over real sockets. It gives a numbered grant to each attempt and acts on refusals as the core does.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { Agent as Undici } from 'undici';
import type { PosternError } from '#shared/base/errors.ts';
import type { AppListed } from '#shared/contracts/agent-to-controller.ts';
import type { ExactRequest } from '#shared/contracts/grant.ts';
import type { Agent, Lease, LocalEvent, TrafficOrder, TunnelOrder } from '../../client-agent/agent-api.ts';

interface Test {
  teardown(close: () => unknown): void;
}

export interface Asked {
  readonly app: string;
  readonly exact: ExactRequest | undefined;
  readonly hold: boolean;
  readonly client?: string | undefined;
}

export const wiki = listed({ id: 'wiki', hosts: ['wiki.corp.internal', 'notes.corp.internal'] });
export const pay = listed({ id: 'pay', hosts: ['pay.corp.internal'] });
export const database = listed({ id: 'db', kind: 'tcp', hosts: ['db.corp.internal'], port: 5432 });

function listed(more: Partial<AppListed> & Pick<AppListed, 'id' | 'hosts'>): AppListed {
  return { name: more.id, kind: 'http', usable: true, fixes: [], ...more };
}

export class FakeAgentCore {
  list: readonly AppListed[] = [wiki, pay, database];
  signedIn = true;
  controller: Partial<ReturnType<Agent['state']>['controller']> = { reachable: true };
  activities = 0;
  readonly asked: Asked[] = [];
  /** One for each of the next attempts: what the controller refuses it with, before anything is sent. */
  readonly refusals: PosternError[] = [];
  /** Resolves the holds that wait. */
  act: () => void = () => {};
  /** Called when a request begins to wait for the person. */
  onHold: () => void = () => {};
  /** Called when the client of such a request has gone. */
  onLeft: () => void = () => {};
  readonly #listeners = new Set<(event: LocalEvent) => void>();
  #grants = 0;
  readonly #dispatcher = new Undici();
  readonly #gateway: number | ((app: string) => Lease);
  readonly #tcpApp: number;

  /** `gateway`: port of a plain HTTP server; or what gives a lease of a real one. */
  constructor(t: Test, gateway: number | ((app: string) => Lease), tcpApp = 0) {
    this.#gateway = gateway;
    this.#tcpApp = tcpApp;
    t.teardown(() => this.#dispatcher.destroy());
  }

  /** As the local side takes it; what it has no business with is not there. */
  get agent(): Agent {
    const part = {
      profile: 'test',
      apps: () => this.list,
      on: (listener: (event: LocalEvent) => void) => {
        this.#listeners.add(listener);
        return () => this.#listeners.delete(listener);
      },
      state: () => ({ session: { signedIn: this.signedIn, idle: false }, controller: this.controller }),
      activity: () => {
        this.activities += 1;
      },
      traffic: {
        run: <T>(order: TrafficOrder<T>) => this.#run(order),
        openTunnel: (o: TunnelOrder) => this.#tunnel(o),
      },
    };
    return part as unknown as Agent;
  }

  /** As the controller tells another list. */
  setApps(list: readonly AppListed[]): void {
    this.list = list;
    for (const listener of this.#listeners) listener({ type: 'apps' });
  }

  async #run<T>(order: TrafficOrder<T>): Promise<T> {
    const { app, exact, hold, client, signal } = order;
    this.asked.push({ app, exact, hold, client });
    for (let attempt = 1; ; attempt += 1) {
      await this.#decide(hold, signal);
      const sent = await order.send(this.#lease(app));
      if ('done' in sent) return sent.done;
      if (!sent.canRepeat || sent.refused.next !== 'renew' || attempt > 1) throw sent.refused;
    }
  }

  async #tunnel({ app, hold, client, signal }: TunnelOrder): Promise<Duplex> {
    this.asked.push({ app, exact: undefined, hold, client });
    await this.#decide(hold, signal);
    const socket = connect({ host: '127.0.0.1', port: this.#tcpApp, allowHalfOpen: true });
    await once(socket, 'connect');
    return socket;
  }

  async #decide(hold: boolean, signal: AbortSignal | undefined): Promise<void> {
    const refusal = this.refusals.shift();
    if (refusal === undefined) return;
    if (!hold || (refusal.next !== 'step-up' && refusal.next !== 'fix-device')) throw refusal;
    await new Promise<void>((resolve, reject) => {
      this.act = resolve;
      const onAbort = () => {
        reject(signal?.reason);
        this.onLeft();
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      this.onHold();
    });
  }

  #lease(app: string): Lease {
    if (typeof this.#gateway === 'function') return this.#gateway(app);
    this.#grants += 1;
    const origin = `http://127.0.0.1:${this.#gateway}`;
    const forward = { dispatcher: this.#dispatcher, origin } as unknown as Lease['forward'];
    return { grant: `grant-${this.#grants}`, grantId: `gr_${this.#grants}`, gateway: 'gw', once: false, forward };
  }
}

/** A server that stands for gateway and app in one. Returns its port. */
export async function fakeGateway(
  t: Test,
  handler: (req: IncomingMessage, res: ServerResponse) => void,
  onUpgrade?: (req: IncomingMessage, socket: Duplex) => void,
): Promise<number> {
  const server: Server = createServer(handler);
  if (onUpgrade !== undefined) server.on('upgrade', onUpgrade);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.close();
    server.closeAllConnections();
  });
  return (server.address() as AddressInfo).port;
}

/** As a gateway refuses. */
export function refuseAsGateway(res: ServerResponse, error: PosternError): void {
  const body = JSON.stringify(error.toProblem('0'.repeat(32)));
  res.writeHead(error.status, { 'content-type': 'application/problem+json', 'postern-verdict': error.code }).end(body);
}
