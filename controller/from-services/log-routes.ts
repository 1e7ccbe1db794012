/**
 * The log over HTTP (C2SP tlog-tiles): checkpoint, tiles and, where it is switched on, leaves. Strangers read it: each path is taken in
 * its one spelling, costs at most one file or 256 rows, and what is beyond the newest checkpoint is not there.
 */
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Clock } from '#shared/base/clock.ts';
import { PosternError } from '#shared/base/errors.ts';
import { parseTilePath, tileWidth } from '#shared/log/tile-path.ts';
import { hashesAt } from '#shared/log/tiles.ts';
import type { LogKeeper } from '../log/log-keeper.ts';
import type { LogState } from '../log/log-state.ts';
import { readEntries } from '../log/read-entries.ts';
import { servedCheckpoint } from '../log-anchors/cosigned.ts';
import type { Db } from '../store/open-store.ts';

export interface LogRouteParts {
  readonly db: Db;
  readonly keeper: LogKeeper;
  readonly clock: Clock;
  /** `entries`: leaves as well, in which nothing is personal but what each app was asked and answered can be read. */
  readonly serves: 'tree' | 'entries';
}

const forever = 'public, max-age=31536000, immutable';
/** A partial tile goes once the full one is there. */
const forNow = 'public, max-age=3600';
const compress = promisify(gzip);

export function logRoutes(app: FastifyInstance, parts: LogRouteParts): void {
  app.get('/log/:number/*', async (request, reply) => {
    const { number, '*': path } = request.params as { readonly number: string; readonly '*': string };
    const state = await parts.keeper.state();
    if (number !== String(state.number)) throw notThere();
    if (path !== 'checkpoint') return sendTile(parts, state, path, { request, reply });
    const checkpoint = await servedCheckpoint(parts.db, state, parts.clock.now());
    if (checkpoint === null) throw notThere();
    reply.header('cache-control', 'public, max-age=1').type('text/plain; charset=utf-8');
    return reply.send(checkpoint);
  });
}

async function sendTile(
  { db, keeper, serves }: LogRouteParts,
  { signed_size: size }: LogState,
  path: string,
  { request, reply }: { readonly request: FastifyRequest; readonly reply: FastifyReply },
): Promise<FastifyReply> {
  const asked = parseTilePath(path);
  if (asked === undefined) throw notThere();
  const { index, width } = asked;
  const level = asked.level === 'entries' ? 0 : asked.level;
  if (index * tileWidth + width > hashesAt(level, size)) throw notThere();
  if (asked.level === 'entries' && serves !== 'entries') throw notThere();
  const bytes =
    asked.level === 'entries'
      ? await readEntries(db, { index, width })
      : await keeper.tiles.readKept({ level, index, width });
  if (bytes === undefined) throw notThere();
  reply.header('cache-control', width === tileWidth ? forever : forNow).type('application/octet-stream');
  if (asked.level !== 'entries') return reply.send(bytes);
  reply.header('vary', 'accept-encoding');
  if (!/\bgzip\b/.test(request.headers['accept-encoding'] ?? '')) return reply.send(bytes);
  return reply.header('content-encoding', 'gzip').send(await compress(bytes));
}

const notThere = (): PosternError => new PosternError('not-found', 'no such file of the log');
