/**
 * The HTTP door for connections that are not proven to be this user's: the proxy, for clients with a password (P30). Everything
 * else is refused in the words that any stranger gets.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { PosternError } from '#shared/base/errors.ts';
import type { Agent } from '../agent-api.ts';
import { createCheckHead } from './check-head.ts';
import type { HttpProxy } from './http-proxy.ts';
import { createLocalHttpServer, serveConnection, stopServer } from './http-server.ts';
import type { PendingStrangers } from './pending-strangers.ts';
import type { ProxyLogin, ProxyUser } from './proxy-login.ts';
import { type LocalExchange, upgradeExchange } from './reverse-proxy.ts';

export interface ClientsDoorParts {
  readonly agent: Pick<Agent, 'activity'>;
  readonly login: ProxyLogin;
  readonly pending: PendingStrangers;
  readonly proxy: HttpProxy;
  readonly answer: (req: IncomingMessage, res: ServerResponse, thrown: unknown) => void;
}

export interface ClientsDoor {
  /** Takes a connection that was not read yet; false when nobody could prove anything, or too many are about to. */
  serve(socket: Socket): boolean;
  stop(): void;
}

export function createClientsDoor({ agent, login, pending, proxy, answer }: ClientsDoorParts): ClientsDoor {
  const checkHead = createCheckHead();
  const onProven = new WeakMap<object, () => void>();

  function who(req: IncomingMessage): ProxyUser {
    const user = login.ofStranger(req);
    onProven.get(req.socket)?.();
    return user;
  }

  async function route(exchange: LocalExchange): Promise<void> {
    const { req, res, target } = exchange;
    const wrong = checkHead(req, res);
    if (wrong !== undefined) throw wrong;
    if (target.startsWith('/')) throw new PosternError('local-refused');
    const user = who(req);
    agent.activity();
    await proxy.takeAbsolute(exchange, user);
  }

  function take(exchange: LocalExchange): void {
    const { req, res } = exchange;
    route(exchange).catch((thrown: unknown) => {
      // Whoever was refused before it proved itself begins anew.
      if (thrown instanceof PosternError && isForStrangers.has(thrown.code)) res.shouldKeepAlive = false;
      answer(req, res, thrown);
    });
  }

  const server = createLocalHttpServer({
    onRequest: (req, res, expects) => take({ req, res, target: req.url ?? '', expects }),
    onUpgrade: (req, socket, head) => take(upgradeExchange(req, socket, head, req.url ?? '')),
    onConnect: (req, socket, head) => proxy.takeConnect(req, socket as Socket, head, who),
  });
  return {
    serve(socket) {
      if (!login.any()) return false;
      const proven = pending.take(socket);
      if (proven === undefined) return false;
      onProven.set(socket, proven);
      serveConnection(server, socket);
      return true;
    },
    stop: () => stopServer(server),
  };
}

const isForStrangers: ReadonlySet<string> = new Set(['local-refused', 'proxy-login-required', 'sign-in-throttled']);
