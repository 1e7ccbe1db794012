/**
 * The controller's side of a shared port: it has the port while no gateway of the host does, gives it up when one claims it, and takes
 * it back when that one's connection ends, however it ends. Knocks by UDP that are for nobody at the gateway come over the same
 * connection.
 */
import { createServer, type Server, type Socket } from 'node:net';
import { Check } from 'typebox/value';
import { second } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import { type FromPortGiver, maxPortLine, type ToPortGiver, toPortGiver } from '../../contracts/one-port.ts';
import type { KnockListener } from '../doors/knock-listener.ts';
import { listenUnix } from '../listen.ts';
import { readNdjson } from '../ndjson.ts';
import { claimsSocket, socketMode } from './share-place.ts';
import { StandIn } from './stand-in.ts';

export interface TcpListener {
  readonly port: number;
  /** Throws `conflict` where it is taken. */
  open(): Promise<void>;
  close(): void;
}

type Kind = 'tcp' | 'udp';
type Claim = Readonly<Record<Kind, readonly number[]>>;
const otherKernelDoor = 'share.kernelDoor is not the same in the configurations of controller and gateway';
/** By then whoever was refused has gone. */
const refusedMs = second;
const nothing: Claim = { tcp: [], udp: [] };

export class PortGiver {
  readonly #log: Log;
  readonly #kernelDoor: boolean;
  readonly #server: Server;
  readonly #ports: Readonly<Record<Kind, Map<number, StandIn>>> = { tcp: new Map(), udp: new Map() };
  #holder: Socket | undefined;
  #claimed = nothing;
  #listener: KnockListener | undefined;

  /** `kernelDoor`: a kernel door keeps the shared port. */
  constructor(log: Log, kernelDoor = false) {
    this.#log = log;
    this.#kernelDoor = kernelDoor;
    this.#server = createServer((socket) => void this.#serve(socket));
  }

  /** Before any port is taken, so that whoever finds one taken finds this. Throws as `listenUnix`. */
  async listen(dir: string): Promise<void> {
    await listenUnix(this.#server, claimsSocket(dir), socketMode);
  }

  /** Resolves when the port is had, or somebody else has it. Throws what is no matter of time. */
  serveTcp({ port, open, close }: TcpListener): Promise<void> {
    return this.#add('tcp', port, open, close);
  }

  /** The same, for each of its ports. */
  async serveKnocks(listener: KnockListener): Promise<void> {
    this.#listener = listener;
    for (const port of listener.ports) {
      await this.#add(
        'udp',
        port,
        () => listener.open(port),
        () => listener.close(port),
      );
    }
  }

  async stopKnocks(listener: KnockListener): Promise<void> {
    this.#listener = undefined;
    await this.#giveAll('udp');
    await listener.stop();
  }

  async stop(): Promise<void> {
    this.#server.close();
    this.#holder?.destroy();
    await Promise.all([this.#giveAll('tcp'), this.#giveAll('udp')]);
  }

  async #add(kind: Kind, port: number, open: () => Promise<void>, close: () => Promise<void> | void): Promise<void> {
    const standIn = new StandIn({ name: `${kind.toUpperCase()} port ${port}`, open, close, log: this.#log });
    this.#ports[kind].set(port, standIn);
    if (!this.#claimed[kind].includes(port)) await standIn.take();
  }

  async #giveAll(kind: Kind): Promise<void> {
    const all = [...this.#ports[kind].values()];
    this.#ports[kind].clear();
    await Promise.all(all.map((standIn) => standIn.give()));
  }

  async #serve(socket: Socket): Promise<void> {
    socket.on('error', () => {});
    if (this.#holder !== undefined) {
      refuse(socket, 'another gateway of this host has the shared port');
      return;
    }
    this.#holder = socket;
    try {
      for await (const message of readNdjson(socket, { maxLine: maxPortLine })) {
        if (!Check(toPortGiver, message)) break;
        if (message.t === 'have' && message.kernelDoor !== this.#kernelDoor) {
          this.#log.warn({}, otherKernelDoor);
          refuse(socket, otherKernelDoor);
          break;
        }
        await this.#take(socket, message);
      }
    } catch (error) {
      this.#log.warn({ err: error }, 'the connection of the gateway that had the shared port broke');
    }
    // What was said to it last goes out.
    socket.destroySoon();
    this.#holder = undefined;
    await this.#follow(nothing);
  }

  async #take(socket: Socket, message: ToPortGiver): Promise<void> {
    if (message.t === 'knock') {
      void this.#listener?.take(Buffer.from(message.bytes, 'base64'), message.from);
      return;
    }
    await this.#follow(message);
    const given = (kind: Kind) => message[kind].filter((port) => this.#ports[kind].has(port));
    say(socket, { t: 'given', n: message.n, tcp: given('tcp'), udp: given('udp') });
  }

  /** Never rejects. */
  async #follow(claimed: Claim): Promise<void> {
    this.#claimed = { tcp: claimed.tcp, udp: claimed.udp };
    for (const kind of ['tcp', 'udp'] as const) {
      for (const [port, standIn] of this.#ports[kind]) {
        const done = claimed[kind].includes(port) ? standIn.give() : standIn.take();
        await done.catch((error: unknown) => this.#log.error({ err: error, port }, 'the shared port cannot be taken'));
      }
    }
  }
}

const say = (socket: Socket, message: FromPortGiver): void => {
  socket.write(`${JSON.stringify(message)}\n`);
};

/** Read to its end, and no longer than a moment: it would stay here else, once for each time that the gateway tries again. */
function refuse(socket: Socket, why: string): void {
  say(socket, { t: 'refused', why });
  socket.resume().end();
  const timer = setTimeout(() => socket.destroy(), refusedMs).unref();
  socket.once('close', () => clearTimeout(timer));
}
