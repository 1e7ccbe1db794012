/**
 * The prelude door (P3, P27, P28): the first bytes of a TCP connection are a knock, or it is closed without a byte. After a good one
 * the raw socket goes to the TLS server that the knock is for, and from then on the door costs nothing.
 */
import type { Server, Socket } from 'node:net';
import { second } from '../../base/clock.ts';
import { type KnockKind, type KnockReason, knockBytes, preludeHeadBytes } from '../../contracts/knock.ts';
import type { PassOn } from '../one-port/pass-on.ts';
import type { KnockJudge } from './knock-judge.ts';
import { type SourceLimits, WaitingRoom } from './waiting-room.ts';

export interface PreludeDoorOptions {
  readonly judge: Pick<KnockJudge, 'judge' | 'count'>;
  /** Who else has the port: is given what is knocked by a key that nobody has here. The judge then counts no `unknown-key` itself. */
  readonly passOn?: Pick<PassOn, 'pass'> | undefined;
  /** Connections that have not knocked yet. */
  readonly limits?: SourceLimits;
  readonly waitMs?: number;
}

/** An office behind one address is one source, and its knocks come in one piece right behind the handshake. */
const usualLimits: SourceLimits = { perSource: 64, total: 1024 };
const usualWaitMs = 2 * second;

type HandOver = (socket: Socket) => void;

interface Visit {
  readonly socket: Socket;
  readonly address: string;
  readonly parts: Buffer[];
  /** To be called before it goes to its server. */
  readonly onGood: () => void;
  length: number;
  isJudged: boolean;
  /** Takes away all that the door has at the socket. */
  letGo: () => void;
}

export class PreludeDoor {
  readonly #judge: PreludeDoorOptions['judge'];
  readonly #passOn: PreludeDoorOptions['passOn'];
  readonly #waitMs: number;
  readonly #room: WaitingRoom<Visit>;
  readonly #servers = new Map<KnockKind, HandOver>();
  /** Who knocked, by the two ends of a connection that runs. */
  readonly #clients = new Map<string, { readonly client: string; readonly socket: Socket }>();

  constructor({ judge, passOn, limits = usualLimits, waitMs = usualWaitMs }: PreludeDoorOptions) {
    this.#judge = judge;
    this.#passOn = passOn;
    this.#waitMs = waitMs;
    this.#room = new WaitingRoom(limits, (visit) => this.#end(visit, 'gave-way'));
  }

  /** Connections that have not knocked yet. */
  get waiting(): number {
    return this.#room.size;
  }

  /**
   * Puts `server` behind this door: knocks of `kind` lead to it, and each of its connections begins with one, of any kind that
   * has a server here. To be called after everything else that listens for the server's connections.
   */
  guard(server: Server, kind: KnockKind): void {
    const inner = server.listeners('connection') as HandOver[];
    server.removeAllListeners('connection');
    this.#servers.set(kind, (socket) => {
      for (const listener of inner) listener.call(server, socket);
    });
    server.on('connection', (socket: Socket) => this.meet(socket));
  }

  /** `device/<id>` and so on: whose knock opened this connection, raw or TLS. Undefined for one that came by no knock of this door. */
  clientOf(socket: Socket): string | undefined {
    return this.#clients.get(endsOf(socket))?.client;
  }

  /** Closes what waits. Servers are stopped by whoever has them. */
  stop(): void {
    for (const visit of [...this.#room.all()]) this.#close(visit, 'gone');
  }

  /** A connection that has just come in, by whatever port. `onGood`: before it goes to the server that its knock is for. */
  meet(socket: Socket, onGood: () => void = () => {}): void {
    const { remoteAddress: address } = socket;
    // Gone before it could be asked.
    if (address === undefined) {
      socket.destroy();
      return;
    }
    const visit: Visit = { socket, address, parts: [], onGood, length: 0, isJudged: false, letGo: () => {} };
    const read = () => this.#read(visit);
    const gone = () => this.#close(visit, 'gone');
    const timer = setTimeout(() => this.#close(visit, 'too-slow'), this.#waitMs);
    visit.letGo = () => {
      clearTimeout(timer);
      socket.off('readable', read).off('end', gone).off('close', gone);
    };
    socket.on('error', ignore).on('readable', read).on('end', gone).on('close', gone);
    this.#room.enter(visit, address);
    // Of one that was handed over it may all be here.
    if (socket.readableLength > 0) read();
  }

  #read(visit: Visit): void {
    const { socket, parts } = visit;
    if (visit.isJudged || socket.destroyed) return;
    for (let chunk: Buffer | null = socket.read(); chunk !== null; chunk = socket.read()) {
      parts.push(chunk);
      visit.length += chunk.length;
    }
    if (visit.length < preludeHeadBytes) return;
    const bytes = parts.length === 1 ? parts[0]! : Buffer.concat(parts);
    if (bytes.readUInt16BE() !== knockBytes) {
      this.#close(visit, 'length');
      return;
    }
    const end = preludeHeadBytes + knockBytes;
    if (bytes.length < end) return;
    visit.isJudged = true;
    void this.#answer(visit, bytes, end);
  }

  async #answer(visit: Visit, bytes: Buffer, end: number): Promise<void> {
    const { socket, address } = visit;
    const verdict = await this.#judge.judge(bytes.subarray(preludeHeadBytes, end), address, 'observed');
    if (!verdict.ok && verdict.reason === 'unknown-key' && this.#passOn !== undefined) {
      await this.#passTo(this.#passOn, visit, bytes);
      return;
    }
    // It may have ended, or been ended, while the counter was kept.
    if (!this.#room.leave(visit)) return;
    visit.letGo();
    const server = verdict.ok ? this.#servers.get(verdict.knock.kind) : undefined;
    if (!verdict.ok || server === undefined) {
      socket.destroy();
      return;
    }
    this.#remember(socket, verdict.credential.client);
    if (bytes.length > end) socket.unshift(bytes.subarray(end));
    visit.onGood();
    server(socket);
  }

  /** Waits here, within the same bounds, until the other one has taken it. */
  async #passTo(passOn: Pick<PassOn, 'pass'>, visit: Visit, bytes: Buffer): Promise<void> {
    const { passed, carry } = await passOn.pass(visit.socket, bytes);
    if (passed === 'nobody') this.#judge.count('unknown-key', visit.address);
    if (!this.#room.leave(visit)) return;
    visit.letGo();
    if (passed === 'taken') carry();
    else visit.socket.destroy();
  }

  #remember(socket: Socket, client: string): void {
    const ends = endsOf(socket);
    this.#clients.set(ends, { client, socket });
    socket.once('close', () => {
      if (this.#clients.get(ends)?.socket === socket) this.#clients.delete(ends);
    });
  }

  #close(visit: Visit, reason: KnockReason): void {
    if (this.#room.leave(visit)) this.#end(visit, reason);
  }

  /** Without a byte. What was judged is counted already. */
  #end({ socket, address, isJudged, letGo }: Visit, reason: KnockReason): void {
    letGo();
    if (!isJudged) this.#judge.count(reason, address);
    socket.destroy();
  }
}

const ignore = (): void => {};

/** Of a TLS socket those of the connection that carries it. */
const endsOf = ({ remoteAddress, remotePort, localAddress, localPort }: Socket): string =>
  `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`;
