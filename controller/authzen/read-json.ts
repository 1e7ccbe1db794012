/** JSON from outside: measured before it is parsed, and whole numbers kept exactly as far as Cedar's Long reaches. */
import { PosternError } from '#shared/base/errors.ts';
import { maxLongDigits } from '#shared/cedar/longs.ts';

/** Data as `readJson` gives it. A member named `__proto__` is a member like any other: ask with `Object.hasOwn`. */
export type Json = boolean | number | bigint | string | null | readonly Json[] | JsonObject;
export type JsonObject = { readonly [name: string]: Json };

/** Brackets inside each other. The official engine, which reads what administrators load, breaks between 100 and 200. */
const maxJsonDepth = 64;

/** Throws `bad-request`, which quotes nothing, for what is no JSON or too deep. */
export function readJson(text: string): Json {
  if (isTooDeep(text)) throw malformed(`The JSON is deeper than ${maxJsonDepth} brackets.`);
  try {
    return (longNumber.test(text) ? JSON.parse(text, keepExact as Reviver) : JSON.parse(text)) as Json;
  } catch (cause) {
    throw malformed('This is not JSON.', cause);
  }
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Undefined also for what only the prototype of every object has. */
export function memberOf(object: JsonObject, name: string): Json | undefined {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}

export function malformed(tell: string, cause?: unknown): PosternError {
  return new PosternError('bad-request', tell, { tell, ...(cause === undefined ? {} : { cause }) });
}

// TypeScript does not know of the source text, which Node gives.
type Reviver = Parameters<typeof JSON.parse>[1];

const longNumber = /\d{16}/;

/** What a double would round becomes a bigint; what is longer than any Long stays rounded, and is refused where it is used. */
function keepExact(_name: string, value: unknown, { source }: { source?: string }): unknown {
  if (typeof value !== 'number' || Number.isSafeInteger(value) || source === undefined) return value;
  return /^-?\d+$/.test(source) && source.length <= maxLongDigits + 1 ? BigInt(source) : value;
}

function isTooDeep(text: string): boolean {
  let depth = 0;
  let quoted = false;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (quoted) {
      if (code === backslash) at += 1;
      else if (code === quote) quoted = false;
    } else if (code === quote) quoted = true;
    else if (code === openBrace || code === openBracket) {
      depth += 1;
      if (depth > maxJsonDepth) return true;
    } else if (code === closeBrace || code === closeBracket) depth -= 1;
  }
  return false;
}

const [quote, backslash, openBrace, closeBrace, openBracket, closeBracket] = [34, 92, 123, 125, 91, 93];
