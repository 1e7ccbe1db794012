/** OpenAPI 3.1 out of the contracts themselves, so that the description cannot lag behind what is enforced. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { TObject, TSchema } from 'typebox';
import { protocolVersion } from '../contracts/protocol-version.ts';
import type { Contract, RouteShape } from '../contracts/route.ts';

/** An OpenAPI 3.1 document as plain JSON. */
export interface OpenApiDocument {
  readonly openapi: '3.1.0';
  readonly info: { readonly title: string; readonly version: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly components: Readonly<Record<string, unknown>>;
  readonly tags: readonly { readonly name: string }[];
}

/** `contracts` by the name of their edge, which becomes the tag of its calls. Throws for two routes on one path and method. */
export function openApiOf(title: string, contracts: Readonly<Record<string, Contract>>): OpenApiDocument {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const [tag, contract] of Object.entries(contracts)) {
    for (const [name, route] of Object.entries(contract)) {
      const path = route.path.replaceAll(/:([A-Za-z0-9_]+)/g, '{$1}');
      const method = route.method.toLowerCase();
      paths[path] ??= {};
      if (paths[path][method] !== undefined) throw new TypeError(`two routes for ${route.method} ${route.path}`);
      paths[path][method] = operationOf(tag, name, route);
    }
  }
  return {
    openapi: '3.1.0',
    info: { title, version: String(protocolVersion) },
    tags: Object.keys(contracts).map((name) => ({ name })),
    paths,
    components: { securitySchemes, schemas: { Problem: problemSchema } },
  };
}

function operationOf(tag: string, name: string, route: RouteShape): Record<string, unknown> {
  const parameters = [...parametersOf('path', route.params), ...parametersOf('query', route.query)];
  return {
    operationId: `${tag}.${name}`,
    tags: [tag],
    summary: route.summary,
    description: accessWords[route.access],
    security: securityOf(route.access),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(route.body === undefined ? {} : { requestBody: { required: true, content: json(route.body) } }),
    responses: {
      ...successOf(route),
      default: {
        description: 'A problem document (RFC 9457); `code` is stable and `next` says what to do.',
        content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
      },
    },
  };
}

function successOf({ stream, answer }: RouteShape): Record<string, unknown> {
  if (stream !== undefined) {
    return { 200: { description: 'A stream.', content: { [mediaTypes[stream]]: { schema: { type: 'string' } } } } };
  }
  if (answer === undefined) return { 204: { description: 'Done.' } };
  return { 200: { description: 'Done.', content: json(answer) } };
}

const mediaTypes = { sse: 'text/event-stream', ndjson: 'application/x-ndjson', bytes: 'application/octet-stream' };

function parametersOf(place: 'path' | 'query', schema: TObject | undefined): unknown[] {
  const needed = (schema?.required as readonly string[] | undefined) ?? [];
  return Object.entries(schema?.properties ?? {}).map(([name, property]) => ({
    name,
    in: place,
    required: place === 'path' || needed.includes(name),
    schema: plain(property),
  }));
}

const json = (schema: TSchema) => ({ 'application/json': { schema: plain(schema) } });

/** TypeBox's own marks are not enumerable: what is left is JSON Schema. */
const plain = (schema: TSchema): unknown => JSON.parse(JSON.stringify(schema));

const accessWords: Readonly<Record<RouteShape['access'], string>> = {
  open: 'Needs no certificate: the bootstrap server.',
  certificate: 'Needs a certificate of the role of the edge.',
  session: 'Needs a certificate of a device and a signed-in session.',
  reader: 'Needs the owner at the shell, or an administrator of any role.',
  admin: 'Needs the owner at the shell, or an administrator who may change things.',
  owner: 'Needs an owner.',
};

function securityOf(access: RouteShape['access']): Record<string, readonly string[]>[] {
  if (access === 'open') return [];
  if (access === 'certificate') return [{ certificate: [] }];
  if (access === 'session') return [{ certificate: [], session: [] }];
  return [{ admin: [] }];
}

const securitySchemes = {
  certificate: { type: 'mutualTLS', description: 'A certificate by the private CA, recognised by its SPIFFE role.' },
  session: { type: 'apiKey', in: 'header', name: 'Authorization', description: '`Postern-Session <secret>`' },
  admin: {
    type: 'apiKey',
    in: 'header',
    name: 'Postern-Identity',
    description: 'The Unix socket of the host, or the console behind a gateway.',
  },
};

const problemSchema = {
  type: 'object',
  required: ['type', 'title', 'status', 'code', 'next'],
  properties: {
    type: { type: 'string' },
    title: { type: 'string' },
    status: { type: 'integer' },
    code: { type: 'string' },
    next: { enum: ['retry', 'renew', 'step-up', 'fix-device', 'stop'] },
    trace: { type: 'string' },
    detail: { type: 'string' },
  },
};

export interface ServeOpenApiOptions {
  /** Runs before each of its pages; throws to refuse. */
  readonly authorize: (request: FastifyRequest) => Promise<void> | void;
}

/** The document at `/docs/json` and its reader at `/docs`. Call before the app is ready. */
export async function serveOpenApi(
  app: FastifyInstance,
  document: OpenApiDocument,
  { authorize }: ServeOpenApiOptions,
): Promise<void> {
  // Loaded here: whoever only makes the document has no use for a web page's server.
  const [swagger, ui] = await Promise.all([import('@fastify/swagger'), import('@fastify/swagger-ui')]);
  // A scope with a hook of its own: the reader's `uiHooks` leave its static files open.
  await app.register(async (scope) => {
    scope.addHook('onRequest', async (request) => authorize(request));
    await scope.register(swagger.default, { mode: 'static', specification: { document: document as never } });
    await scope.register(ui.default, { routePrefix: '/docs', staticCSP: true });
  });
}
