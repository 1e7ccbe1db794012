/**
 * The listener that apps dial to verify `Postern-Identity` (P23): the key set of each app as a JWKS, and the document that the
 * controller has signed. Loopback or the apps' own network; never a port of a door.
 */
import type { FastifyInstance } from 'fastify';
import { PosternError } from '#shared/base/errors.ts';
import type { Log } from '#shared/base/log.ts';
import type { AppKeySet } from '#shared/contracts/gateway-to-controller.ts';
import { createEdgeApp } from '#shared/wire/edge-app.ts';

/** Seconds that an app may use a set without asking again: a revoked gateway's key is gone after that. */
const maxAge = 60;

export function createKeySetServer(keySets: () => ReadonlyMap<string, AppKeySet>, log: Log): FastifyInstance {
  const server = createEdgeApp({ log });
  const find = (app: string): AppKeySet => {
    const set = keySets().get(app);
    if (set === undefined) throw new PosternError('not-found');
    return set;
  };
  server.get<{ Params: { app: string } }>('/apps/:app/keys', async (request, reply) => {
    const { keys } = find(request.params.app);
    return reply
      .header('cache-control', `max-age=${maxAge}`)
      .type('application/jwk-set+json')
      .send(JSON.stringify({ keys }));
  });
  server.get<{ Params: { app: string } }>('/apps/:app/keys.jwt', async (request, reply) => {
    const { signed } = find(request.params.app);
    return reply.header('cache-control', `max-age=${maxAge}`).type('application/jwt').send(signed);
  });
  return server;
}
