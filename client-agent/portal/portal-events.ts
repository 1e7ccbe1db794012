/** `GET /api/events`: what changes in the agent, told to the page as it happens (SSE). */
import type { FastifyReply } from 'fastify';
import { asPosternError, PosternError } from '#shared/base/errors.ts';
import type { Log } from '#shared/base/log.ts';
import { type SseWriter, writeSse } from '#shared/wire/sse.ts';
import type { Agent } from '../agent-api.ts';
import { portalHeaders } from './portal-guard.ts';

export interface PortalEvents {
  serve(reply: FastifyReply): Promise<FastifyReply>;
  stop(): void;
}

const beatMs = 20_000;
/** Pages of one person; a page that forgets its streams must not fill the agent. */
const maxStreams = 32;

export function streamEvents(agent: Agent, log: Log): PortalEvents {
  const writers = new Set<SseWriter>();
  return {
    async serve(reply) {
      if (writers.size >= maxStreams) throw new PosternError('unavailable', 'too many event streams of the portal');
      reply.hijack();
      const { raw } = reply;
      raw.writeHead(200, { ...portalHeaders, 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
      const writer = writeSse(raw);
      writers.add(writer);
      writer.send({ type: 'hello' });
      const off = agent.on((event) => void writer.send(event));
      const beat = setInterval(() => writer.beat(), beatMs);
      try {
        await writer.closed;
      } catch (thrown) {
        log.warn({ err: asPosternError(thrown) }, 'an event stream of the portal failed');
      } finally {
        clearInterval(beat);
        off();
        writers.delete(writer);
      }
      return reply;
    },
    stop() {
      for (const writer of writers) writer.end();
    },
  };
}
