/** Reads one answer to a call and holds it to the contract: status, media type, size, syntax, schema, in this order. */

import { Check } from 'typebox/value';
import type { Dispatcher } from 'undici';
import { isErrorCode, PosternError } from '../base/errors.ts';
import type { RouteShape } from '../contracts/route.ts';

/** Problem documents are small, whatever the answer may be. */
const maxProblem = 65_536;

export async function readAnswer(
  name: string,
  route: RouteShape,
  response: Dispatcher.ResponseData,
  maxAnswer: number,
): Promise<unknown> {
  const { statusCode } = response;
  const fail = (why: string, cause?: unknown) =>
    new PosternError('bad-answer', `${name}: status ${statusCode}: ${why}`, { cause });
  const mediaType = String(response.headers['content-type'] ?? '')
    .split(';', 1)[0]!
    .trim()
    .toLowerCase();
  const parse = async (max: number): Promise<unknown> => {
    const text = await readText(response, max, fail);
    try {
      return JSON.parse(text);
    } catch (cause) {
      throw fail('not JSON', cause);
    }
  };

  if (statusCode >= 400) {
    if (mediaType !== 'application/problem+json') throw await discard(response, fail('not a problem document'));
    throw asError(await parse(maxProblem), fail);
  }
  if (route.stream !== undefined) throw await discard(response, fail('not a stream'));
  if (route.answer === undefined) {
    if (statusCode !== 204) throw await discard(response, fail('not 204'));
    await response.body.dump();
    return undefined;
  }
  if (statusCode !== 200) throw await discard(response, fail('not 200'));
  if (mediaType !== 'application/json') throw await discard(response, fail('not application/json'));
  const answer = await parse(maxAnswer);
  if (!Check(route.answer, answer)) throw fail('not what the contract says');
  return answer;
}

type Fail = (why: string, cause?: unknown) => PosternError;

async function readText({ headers, body }: Dispatcher.ResponseData, max: number, fail: Fail): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  if (Number(headers['content-length'] ?? 0) > max) size = max + 1;
  else {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > max) break;
      chunks.push(chunk);
    }
  }
  if (size > max) {
    body.on('error', () => {}).destroy();
    throw fail(`larger than ${max} bytes`);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Drops a body nobody reads, so that it does not hold its connection. */
async function discard({ body }: Dispatcher.ResponseData, error: PosternError): Promise<PosternError> {
  body.on('error', () => {}).destroy();
  return error;
}

/** The table says title, status and next for a code, so theirs are dropped; all other members are kept in `extra`. */
function asError(problem: unknown, fail: Fail): PosternError {
  if (typeof problem !== 'object' || problem === null) return fail('an odd problem document');
  const {
    code,
    detail,
    type: _,
    title: _title,
    status: _status,
    next: _next,
    ...extra
  } = problem as Record<string, unknown>;
  if (!isErrorCode(code)) return fail(`a problem with the unknown code ${JSON.stringify(code)?.slice(0, 64)}`);
  return new PosternError(code, undefined, {
    ...(typeof detail === 'string' ? { tell: detail.slice(0, 2000) } : {}),
    extra,
  });
}
