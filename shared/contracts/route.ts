/**
 * What a contract is: a table of routes, each with the schemas of everything that crosses the edge.
 * `shared/wire/serve-contract.ts` guards requests, answers and status on the listening end, `shared/wire/call-contract.ts`
 * on the dialling end; OpenAPI 3.1 is made from the same tables.
 */
import type { Static, TObject, TSchema } from 'typebox';

export interface RouteShape {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly path: string;
  readonly summary: string;
  readonly params?: TObject;
  readonly query?: TObject;
  readonly body?: TSchema;
  /** The body of a success; absent means 204 and no body. Streams say how the bytes are framed instead. */
  readonly answer?: TSchema;
  readonly stream?: 'sse' | 'ndjson' | 'bytes';
  /** Bytes; 64 KiB unless told. Larger is refused before parsing. */
  readonly maxBody?: number;
  /**
   * Who may call: `open` (bootstrap), `certificate` (the role of the listener), `session` (certificate and a signed-in
   * session), or a role of an administrator. Missing means no one: the server refuses to start.
   */
  readonly access: 'open' | 'certificate' | 'session' | 'reader' | 'admin' | 'owner';
}

export type Contract = Readonly<Record<string, RouteShape>>;

export function defineContract<const C extends Contract>(contract: C): C {
  return contract;
}

type StaticOr<S, Otherwise> = S extends TSchema ? Static<S> : Otherwise;
export type ParamsOf<R extends RouteShape> = StaticOr<R['params'], Record<string, never>>;
export type QueryOf<R extends RouteShape> = StaticOr<R['query'], Record<string, never>>;
export type BodyOf<R extends RouteShape> = StaticOr<R['body'], undefined>;
export type AnswerOf<R extends RouteShape> = StaticOr<R['answer'], void>;

export const defaultMaxBody = 64 * 1024;
