/**
 * Knocks by UDP (P25, P27, P28): each datagram is judged, a good one lets its source in, and none is ever answered. What cannot be
 * taken in time is lost in the kernel's own bounded buffer, as any datagram may be.
 */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { PosternError } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import { plainAddress } from '../../base/plain-address.ts';
import type { KnockKind } from '../../contracts/knock.ts';
import type { KnockJudge } from './knock-judge.ts';
import { SourcesOfKey } from './sources-of-key.ts';
import { type SourceLimits, WaitingRoom } from './waiting-room.ts';

export interface KnockListenerOptions {
  readonly judge: Pick<KnockJudge, 'judge' | 'count'>;
  /** Resolves when this source may connect to what the knock is for. */
  readonly letIn: (source: string, kind: KnockKind, credential: string) => Promise<void>;
  /** UDP, each as good as the others. */
  readonly ports: readonly number[];
  /** One for each address family that is wanted: `0.0.0.0` and `::` by default. */
  readonly hosts?: readonly string[];
  readonly log: Log;
  /** Who else takes knocks at these ports: is given those of a key that nobody has here. False when nobody is there. */
  readonly passOn?: ((bytes: Buffer, source: string) => boolean) | undefined;
  /** Knocks whose counter is being kept. */
  readonly limits?: SourceLimits;
}

const usualLimits: SourceLimits = { perSource: 64, total: 1024 };
const bufferBytes = 1024 * 1024;

interface Waiting {
  readonly address: string;
}

export class KnockListener {
  readonly #options: KnockListenerOptions;
  readonly #room: WaitingRoom<Waiting>;
  readonly #sockets = new Map<number, Socket[]>();
  readonly #letIn = new SourcesOfKey();

  constructor(options: KnockListenerOptions) {
    this.#options = options;
    const { limits = usualLimits, judge } = options;
    this.#room = new WaitingRoom(limits, ({ address }) => judge.count('gave-way', address));
  }

  get ports(): readonly number[] {
    return this.#options.ports;
  }

  /** At all ports. Rejects as `open`, and then at none. */
  async start(): Promise<void> {
    try {
      for (const port of this.#options.ports) await this.open(port);
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#sockets.keys()].map((port) => this.close(port)));
  }

  /** Rejects when an address cannot be bound; a host without IPv6 has one family less. */
  async open(port: number): Promise<void> {
    try {
      for (const host of this.#options.hosts ?? ['0.0.0.0', '::']) await this.#bind(host, port);
    } catch (error) {
      await this.close(port);
      throw error;
    }
  }

  /** Resolves when another process may have the port. */
  async close(port: number): Promise<void> {
    const sockets = this.#sockets.get(port) ?? [];
    this.#sockets.delete(port);
    await Promise.all(sockets.map((socket) => new Promise<void>((resolve) => socket.close(resolve))));
  }

  async #bind(host: string, port: number): Promise<void> {
    const isSix = host.includes(':');
    const socket = createSocket({ type: isSix ? 'udp6' : 'udp4', ipv6Only: isSix, recvBufferSize: bufferBytes });
    socket.on('message', (bytes, { address }) => void this.take(bytes, address));
    try {
      socket.bind({ port, address: host, exclusive: true });
      await once(socket, 'listening');
    } catch (error) {
      socket.close();
      const { code } = error as NodeJS.ErrnoException;
      if (host === '::' && code === 'EAFNOSUPPORT') return;
      if (code !== 'EADDRINUSE' && code !== 'EACCES') throw error;
      const why = code === 'EACCES' ? 'needs more privilege' : 'is taken, perhaps by another Postern of this host';
      const text = `UDP port ${port} for knocks ${why}: set knock.ports`;
      throw new PosternError('conflict', text, { cause: error, tell: `${text}.` });
    }
    socket.on('error', (error) => this.#options.log.error({ err: error }, 'the socket for knocks failed'));
    this.#sockets.set(port, [...(this.#sockets.get(port) ?? []), socket]);
  }

  /** A datagram that has come, here or where it was handed over. Never rejects. */
  async take(bytes: Buffer, observed: string): Promise<void> {
    const { judge, letIn, passOn, log } = this.#options;
    const waiting: Waiting = { address: plainAddress(observed) };
    this.#room.enter(waiting, waiting.address);
    const verdict = await judge.judge(bytes, waiting.address, 'observed');
    // It may have given way meanwhile.
    if (!this.#room.leave(waiting)) return;
    if (!verdict.ok) {
      if (verdict.reason === 'unknown-key' && passOn?.(bytes, waiting.address) === false)
        judge.count('unknown-key', waiting.address);
      return;
    }
    const { id, client } = verdict.credential;
    const has = this.#letIn.take(id, verdict.source);
    if (has !== 'in') {
      if (has === 'full')
        log.warn({ client }, 'one key knocks for too many sources: no more are let in for some seconds');
      return;
    }
    try {
      await letIn(verdict.source, verdict.knock.kind, verdict.credential.id);
    } catch (error) {
      log.error({ err: error }, 'a good knock could not open the kernel door');
    }
  }
}
