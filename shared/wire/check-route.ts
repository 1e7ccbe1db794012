/** The compiled schemas of one route: reads a request into checked values, and checks an answer before it is sent. */
import type { FastifyRequest } from 'fastify';
import type { TObject, TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import { Convert } from 'typebox/value';
import { PosternError } from '../base/errors.ts';
import { complaintWords } from '../base/known-patterns.ts';
import type { RouteShape } from '../contracts/route.ts';

export interface CheckedRequest {
  readonly params: unknown;
  readonly query: unknown;
  readonly body: unknown;
}

export interface RouteChecks {
  /** Throws `bad-request`, naming the members at fault but never their values. */
  readRequest(request: Pick<FastifyRequest, 'params' | 'query' | 'body'>): CheckedRequest;
  /** Throws `internal`: an answer outside the contract is our own fault, and must not leave. */
  checkAnswer(answer: unknown, sent: { readonly status: number; readonly isSent: boolean }): void;
}

export function compileRoute(name: string, route: RouteShape): RouteChecks {
  const params = readerOf('path', route.params);
  const query = readerOf('query', route.query);
  const body = route.body === undefined ? undefined : Compile(route.body);
  const result = route.answer === undefined ? undefined : Compile(route.answer);
  return {
    readRequest(request) {
      if (body === undefined && request.body !== undefined) throw refused('body', 'none is expected');
      if (body !== undefined && !body.Check(request.body)) throw refused('body', complaints(body.Errors(request.body)));
      return { params: params(request.params), query: query(request.query), body: request.body };
    },
    checkAnswer(answer, { status, isSent }) {
      const fail = (why: string) => new PosternError('internal', `the answer of ${name} breaks its contract: ${why}`);
      if (route.stream !== undefined) throw fail('a stream was not started');
      if (isSent) throw fail('it was sent around it');
      if (status !== 200) throw fail(`status ${status}`);
      if (result === undefined && answer !== undefined) throw fail('a body where none belongs');
      if (result !== undefined && !result.Check(answer)) throw fail(complaints(result.Errors(answer)));
    },
  };
}

function readerOf(place: string, schema: TObject | undefined): (given: unknown) => unknown {
  if (schema === undefined) {
    return (given) => {
      if (Object.keys(given ?? {}).length > 0) throw refused(place, 'no parameters are expected');
      return {};
    };
  }
  const validator = Compile(schema);
  return (given) => {
    const value: Record<string, unknown> = {};
    for (const [name, raw] of Object.entries(given ?? {})) value[name] = convertText(schema.properties[name], raw);
    if (!validator.Check(value)) throw refused(place, complaints(validator.Errors(value)));
    return value;
  };
}

/**
 * A parameter arrives as text (repeated ones as a list of texts). Convert alone would read '' as 0 and '1.5' as the integer
 * 1: what does not read back as itself stays text, and fails the check.
 */
function convertText(schema: TSchema | undefined, raw: unknown): unknown {
  if (schema === undefined) return raw;
  const value: unknown = Convert(schema, Array.isArray(raw) ? [...raw] : raw);
  const isExact = Array.isArray(value)
    ? [raw].flat().every((text, at) => String(value[at]) === text)
    : String(value) === raw;
  return isExact ? value : raw;
}

const maxTold = 3;

/** TypeBox's messages name limits and patterns of the contract, which is public, and no values. */
function complaints(
  errors: readonly { instancePath: string; message: string; keyword?: string; params?: object }[],
): string {
  const told = errors
    .filter(({ keyword }) => keyword !== 'additionalProperties')
    .slice(0, maxTold)
    .map((error) => {
      const why = error.keyword === 'boolean' ? 'is not known here' : complaintWords(error);
      return `${error.instancePath} ${why}`.trim();
    });
  return told.join('; ');
}

function refused(place: string, why: string): PosternError {
  return new PosternError('bad-request', undefined, { tell: `${place}: ${why}`.slice(0, 500) });
}
