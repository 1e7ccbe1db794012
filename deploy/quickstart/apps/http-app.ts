/** What the three HTTP apps share: identity before everything else, forms, plain answers, and their own public address. */
import type { IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import fastify, { type FastifyInstance, type FastifyRequest } from 'fastify';
import {
  createIdentityVerifier,
  type Identity,
  IdentityRefused,
  KeySetUnavailable,
  type VerifyIdentity,
} from './verify-identity.ts';

export interface AppLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

export interface AppOptions {
  /** 0 takes any free port. */
  readonly port: number;
  /** Loopback: only the gateway may reach an app. */
  readonly host: string;
  /** Where this app's own key set is served. */
  readonly keySetUrl: string;
  /** The origins browsers know this app by, as the gateway presents them. Without any, the request's own host is believed. */
  readonly publicOrigins?: readonly string[] | undefined;
  readonly log?: AppLog | undefined;
}

export interface RunningApp {
  readonly port: number;
  stop(): Promise<void>;
}

export interface HttpApp {
  readonly routes: FastifyInstance;
  readonly verify: VerifyIdentity;
}

/** An HTTP app whose every route, unknown ones included, is behind a verified identity. */
export function createHttpApp(appId: string, options: AppOptions): HttpApp {
  const verify = createIdentityVerifier(appId, options.keySetUrl);
  const routes = fastify({ bodyLimit: 64 * 1024, forceCloseConnections: true });

  routes.decorateRequest('identity');
  routes.addHook('onRequest', async (request, reply) => {
    // Pages are about one person, so no cache on the way may keep them.
    reply.header('cache-control', 'no-store').header('x-content-type-options', 'nosniff');
    request.setDecorator('identity', await verify(request.headers['postern-identity']));
  });
  routes.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (_request, body, done) =>
    done(null, Object.fromEntries(new URLSearchParams(body.toString()))),
  );
  routes.setErrorHandler((error: Error & { statusCode?: number }, request, reply) => {
    const { status, text } = explainError(error);
    options.log?.warn({ app: appId, url: request.url, status, reason: error.message }, 'refused');
    return reply.code(status).type('text/plain; charset=utf-8').send(`${text}\n`);
  });
  routes.setNotFoundHandler((_request, reply) => reply.code(404).type('text/plain').send('There is nothing here.\n'));
  routes.get('/whoami', async (request) => identityOf(request));
  return { routes, verify };
}

export function explainError(error: Error & { statusCode?: number }): { status: number; text: string } {
  if (error instanceof IdentityRefused) return { status: 401, text: `Who are you? ${error.message}.` };
  if (error instanceof KeySetUnavailable) return { status: 503, text: 'The key set cannot be read just now.' };
  const status = error.statusCode ?? 500;
  return { status, text: status < 500 ? error.message : 'Something failed here.' };
}

/** An error that the person may read, with its HTTP status. */
export function refuse(statusCode: number, message: string): Error {
  return Object.assign(new Error(message), { statusCode });
}

/** The verified person who asks. */
export function identityOf(request: FastifyRequest): Identity {
  return request.getDecorator<Identity>('identity');
}

/** A field of a posted form; empty when it is not there. */
export function formField(request: FastifyRequest, name: string): string {
  const value = (request.body as Record<string, unknown> | null | undefined)?.[name];
  return typeof value === 'string' ? value : '';
}

/**
 * The origin the browser sees. Behind a gateway an app speaks plain HTTP to one peer, so its public scheme and host are
 * what that peer says: `X-Forwarded-Proto` and `Host`.
 */
export function publicOrigin(headers: IncomingHttpHeaders, known: readonly string[] = []): string {
  const scheme = headers['x-forwarded-proto'] === 'http' ? 'http' : 'https';
  const origin = `${scheme}://${headers.host}`;
  return known.length === 0 || known.includes(origin) ? origin : known[0]!;
}

export async function listenHttp(appId: string, { routes }: HttpApp, options: AppOptions): Promise<RunningApp> {
  await routes.listen({ port: options.port, host: options.host });
  const { port } = routes.server.address() as AddressInfo;
  options.log?.info({ app: appId, host: options.host, port }, 'listening');
  return { port, stop: () => routes.close() };
}
