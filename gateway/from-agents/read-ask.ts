/** The question to the gates, read from one request whose head has been checked. */
import type { IncomingMessage } from 'node:http';
import { plainAddress } from '#shared/base/plain-address.ts';
import { grantHeader } from '#shared/contracts/agent-to-gateway.ts';
import { peerOf } from '#shared/wire/admit-peer.ts';
import type { Ask } from '../gates/ask.ts';
import type { DataParts } from './data-parts.ts';

/** Singletons by `checkRequestHead`: none of these can be a joined list. `at`: controller time in milliseconds. */
export function readAsk(
  kind: Ask['kind'],
  req: IncomingMessage,
  parts: Pick<DataParts, 'grants' | 'used' | 'usage'>,
  at: number,
): Ask {
  const { headers, socket } = req;
  const peer = peerOf(socket);
  const length = headers['content-length'];
  return {
    kind,
    peer,
    address: plainAddress(socket.remoteAddress ?? ''),
    method: req.method ?? '',
    url: req.url ?? '',
    host: headers.host ?? '',
    grant: grantOf(socket, one(headers[grantHeader])),
    origin: one(headers.origin),
    fetchSite: one(headers['sec-fetch-site']),
    fetchMode: one(headers['sec-fetch-mode']),
    fetchDest: one(headers['sec-fetch-dest']),
    contentLength: length === undefined ? undefined : Number(length),
    grants: parts.grants,
    used: parts.used,
    usage: (app) => parts.usage.usage(app, peer?.id ?? '', at),
    found: {},
  };
}

const lastGrants = new WeakMap<object, string>();

/**
 * Asked for again on a connection, a grant is the very text of the time before: then its hash is known, by which the cache finds it.
 * To compare it takes less than to hash it, and it is a thousand characters in each request.
 */
function grantOf(socket: object, text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const last = lastGrants.get(socket);
  if (last === text) return last;
  lastGrants.set(socket, text);
  return text;
}

const one = (value: string | string[] | undefined): string | undefined =>
  typeof value === 'string' ? value : undefined;
