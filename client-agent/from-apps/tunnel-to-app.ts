/** Joins a local connection to a TCP app: for CONNECT, SOCKS and local ports alike. */
import type { Duplex } from 'node:stream';
import { newTrace } from '#shared/base/bytes.ts';
import { PosternError } from '#shared/base/errors.ts';
import { type PipeOutcome, pipeSockets } from '#shared/wire/pipe-sockets.ts';
import { watchGone } from '#shared/wire/watch-gone.ts';
import type { Agent } from '../agent-api.ts';

export interface TunnelParts {
  readonly agent: Pick<Agent, 'traffic' | 'activity'>;
}

export interface TunnelWanted {
  readonly app: string;
  /** Name of the client of `postern client add` that it is for, if any. */
  readonly client?: string | undefined;
  readonly trace?: string;
  /** The client waits to be told that the tunnel is open: one that ends its side before that has gone. */
  readonly waits?: boolean;
}

/** An open tunnel that still has to be joined. */
export interface OpenTunnel {
  /** Runs until both have ended. Never rejects. */
  join(): Promise<PipeOutcome>;
}

/**
 * Waits for the person where that helps (`hold`), as long as the client stays. Rejects with the PosternError to tell the
 * client. Nothing is read from the client before `join`, but what is needed to notice that it has gone.
 */
export async function openTunnel(
  parts: TunnelParts,
  client: Duplex,
  { app, client: name, trace = newTrace(), waits = false }: TunnelWanted,
): Promise<OpenTunnel> {
  const gone = new AbortController();
  const onGone = () => gone.abort(new PosternError('stream-cut', 'the client went away'));
  const unwatch = waits ? watchGone(client, onGone) : undefined;
  client.once('close', onGone);
  parts.agent.activity();
  try {
    if (client.destroyed) onGone();
    const tunnel = await parts.agent.traffic.openTunnel({ app, client: name, trace, hold: true, signal: gone.signal });
    return { join: () => join(parts, client, tunnel) };
  } finally {
    client.off('close', onGone);
    unwatch?.();
  }
}

function join(parts: TunnelParts, client: Duplex, tunnel: Duplex): Promise<PipeOutcome> {
  return pipeSockets(client, tunnel, {
    onBytes: (direction) => {
      if (direction === 'up') parts.agent.activity();
    },
  });
}
