/** What a request about our own schema says of the circumstances. What is there and cannot be read denies, it is not passed over. */
import { isIP } from 'node:net';
import type { ExactRequest } from '#shared/contracts/grant.ts';
import { type Decided, denyForFault } from './decision-point.ts';
import { isObject, type Json, type JsonObject, memberOf } from './read-json.ts';

export interface OwnContext {
  readonly device: string | undefined;
  /** The empty text when none is told: a policy that looks at the network then cannot be evaluated, and denies. */
  readonly address: string;
  /** Milliseconds; now unless told. */
  readonly at: number | undefined;
  readonly request: ExactRequest | undefined;
}

export function readOwnContext(context: JsonObject, properties: JsonObject): OwnContext | Decided {
  const device = memberOf(properties, 'device_id');
  const address = memberOf(properties, 'ip_address');
  const time = memberOf(context, 'time');
  if (device !== undefined && typeof device !== 'string')
    return denyForFault('subject.properties.device_id: must be a string');
  if (address !== undefined && (typeof address !== 'string' || isIP(address) === 0))
    return denyForFault('subject.properties.ip_address: is no IP address');
  const at = readMoment(time);
  if (at === null) return denyForFault('context.time: is no RFC 3339 time, like 2026-11-25T16:00:00Z');
  const request = readExact(memberOf(context, 'request'));
  if (request === null)
    return denyForFault('context.request: must be an object of the strings method, host, path and, if any, query');
  return { device, address: address ?? '', at, request };
}

// Seconds may be left out, as the standard's own examples do.
const rfc3339 = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})$/;

/** Null for what cannot be read. */
function readMoment(time: Json | undefined): number | undefined | null {
  if (time === undefined) return undefined;
  const at = typeof time === 'string' && rfc3339.test(time) ? Date.parse(time) : Number.NaN;
  return Number.isNaN(at) || at < 0 ? null : at;
}

function readExact(json: Json | undefined): ExactRequest | undefined | null {
  if (json === undefined) return undefined;
  if (!isObject(json)) return null;
  const [method, host, path, query = ''] = ['method', 'host', 'path', 'query'].map((name) => memberOf(json, name));
  if (typeof method !== 'string' || typeof host !== 'string' || typeof path !== 'string' || typeof query !== 'string')
    return null;
  return { method, host, path, query };
}
