/** The portal's Fastify app: guard, headers, page, API, events. Never listens: from-apps hands it its requests. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FastifyInstance } from 'fastify';
import type { TSchema } from 'typebox';
import { Check } from 'typebox/value';
import { PosternError } from '#shared/base/errors.ts';
import { createEdgeApp } from '#shared/wire/edge-app.ts';
import { localOrigin, portalLabel } from '../from-apps/local-names.ts';
import { accountRoutes } from './account-routes.ts';
import type { PortalOptions } from './portal.ts';
import { streamEvents } from './portal-events.ts';
import { readPage } from './portal-files.ts';
import { guardPortal, portalHeaders } from './portal-guard.ts';
import { type PortalCall, type PortalRoute, portalRoutes } from './portal-routes.ts';

export interface PortalApp {
  readonly handle: (request: IncomingMessage, response: ServerResponse) => void;
  readonly stop: () => Promise<void>;
}

export async function makePortalApp(options: PortalOptions): Promise<PortalApp> {
  const { agent, port, log } = options;
  const app = createEdgeApp({ log });
  app.addHook('onRequest', async (request, reply) => {
    reply.headers(portalHeaders);
    const path = request.raw.url?.split('?', 1)[0] ?? '';
    guardPortal({ method: request.method, path, headers: request.headers }, localOrigin(portalLabel, port()));
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'string' }, app.getDefaultJsonParser('error', 'error'));
  for (const [path, file] of await readPage()) {
    app.get(path, (request, reply) => {
      reply.header('etag', file.etag).header('cache-control', 'no-cache');
      if (request.headers['if-none-match'] === file.etag) return reply.code(304).send();
      return reply.type(file.type).send(file.bytes);
    });
  }
  for (const route of [...portalRoutes, ...accountRoutes]) addRoute(app, route, options);
  const events = streamEvents(agent, log);
  app.get('/api/events', (_, reply) => events.serve(reply));
  await app.ready();
  return {
    handle: (request, response) => app.routing(request, response),
    async stop() {
      events.stop();
      await app.close();
    },
  };
}

function addRoute(app: FastifyInstance, route: PortalRoute, options: PortalOptions): void {
  app.route({
    method: route.method,
    url: route.path,
    bodyLimit: 16_384,
    async handler(request, reply) {
      const { params, query, body } = request as unknown as PortalCall;
      checkInput('path', route.params, params);
      checkInput('query', route.query, query);
      if (route.method !== 'GET') checkInput('body', route.body, body ?? {});
      const result = await route.run({ params, query, body: body ?? {} }, options);
      reply.header('cache-control', 'no-store');
      if (result === undefined) return reply.code(204).send();
      return reply.type('application/json; charset=utf-8').send(JSON.stringify(result));
    },
  });
}

/** Without a schema nothing may be given. */
function checkInput(place: string, schema: TSchema | undefined, given: unknown): void {
  const fits = schema === undefined ? isEmpty(given) : Check(schema, given);
  if (!fits) throw new PosternError('bad-request', undefined, { tell: `${place}: not what is expected here` });
}

function isEmpty(given: unknown): boolean {
  return typeof given === 'object' && given !== null && Object.keys(given).length === 0;
}
