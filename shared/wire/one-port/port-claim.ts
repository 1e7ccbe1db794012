/**
 * The gateway's side of a shared port: it claims the port before it listens, for as long as its connection to the controller's socket
 * lasts. Without a controller there is nobody who would have it, and it is looked for again each second.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Check } from 'typebox/value';
import { second } from '../../base/clock.ts';
import { PosternError } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import { fromPortGiver, maxPortLine, type ToPortGiver } from '../../contracts/one-port.ts';
import { readNdjson } from '../ndjson.ts';
import { checkShareDir, checkShareSocket, claimsSocket, connectionsSocket } from './share-place.ts';

export interface Ports {
  readonly tcp: readonly number[];
  readonly udp: readonly number[];
}

export interface PortClaimOptions {
  readonly dir: string;
  /** A kernel door keeps the shared port. */
  readonly kernelDoor?: boolean;
  readonly log: Log;
}

const againMs = second;
const answerMs = 5 * second;
/** Knocks that wait for a controller that does not read are lost, as any datagram may be. */
const maxBuffered = 256 * 1024;

export class PortClaim {
  readonly #dir: string;
  readonly #kernelDoor: boolean;
  readonly #log: Log;
  #have: Ports = { tcp: [], udp: [] };
  #socket: Socket | undefined;
  #connecting: Promise<void> | undefined;
  #n = 0;
  /** Those who wait until the claim of this number, or a later one, is answered. */
  readonly #waiting = new Map<() => void, number>();
  #timer: NodeJS.Timeout | undefined;
  #told = '';
  #isStopped = false;

  /** Throws `invalid-config` that says what is wrong with the directory. */
  constructor({ dir, kernelDoor = false, log }: PortClaimOptions) {
    this.#dir = dir;
    this.#kernelDoor = kernelDoor;
    this.#log = log;
    checkShareDir(dir, false);
    checkShareSocket(connectionsSocket(dir));
  }

  /** There is a controller, which leaves these ports to us. */
  get isHeld(): boolean {
    return this.#socket?.destroyed === false;
  }

  /** Resolves when these ports may be listened at: the controller has given them up, or there is none. Throws `invalid-config` where its socket may not be used. */
  async want(changes: Partial<Ports>): Promise<void> {
    this.#have = { ...this.#have, ...changes };
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.set(resolve, this.#n + 1);
    const timer = setTimeout(resolve, answerMs);
    try {
      if (this.#socket === undefined) await this.#connect();
      else this.#claim();
      await promise;
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(resolve);
    }
  }

  /** These are no longer listened at. */
  leave(changes: Partial<Ports>): void {
    this.#have = { ...this.#have, ...changes };
    if (this.#socket !== undefined) this.#claim();
  }

  /** A knock by UDP that is of no key here. False when there is nobody to give it to. */
  knock(bytes: Buffer, from: string): boolean {
    const socket = this.#socket;
    if (socket === undefined || socket.destroyed || socket.writableLength > maxBuffered) return false;
    this.#say({ t: 'knock', bytes: bytes.toString('base64'), from });
    return true;
  }

  /** The controller takes the ports from now on: they must be free. */
  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    this.#socket?.destroy();
    this.#settle();
  }

  #connect(): Promise<void> {
    this.#connecting ??= this.#connectNow().finally(() => {
      this.#connecting = undefined;
    });
    return this.#connecting;
  }

  async #connectNow(): Promise<void> {
    const path = claimsSocket(this.#dir);
    clearTimeout(this.#timer);
    checkShareSocket(path);
    const socket = connect({ path });
    try {
      await once(socket, 'connect');
    } catch (error) {
      this.#again();
      this.#settle();
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EACCES' || code === 'EPERM') throw mayNot(path, error);
      this.#tell(`no controller is at ${path}: where there is one on this host, set share.dir in its configuration`);
      return;
    }
    if (this.#isStopped) {
      socket.destroy();
      return;
    }
    socket.on('error', () => {});
    this.#socket = socket;
    this.#claim();
    void this.#read(socket);
  }

  async #read(socket: Socket): Promise<void> {
    let isRefused = false;
    try {
      for await (const message of readNdjson(socket, { maxLine: maxPortLine })) {
        if (!Check(fromPortGiver, message)) throw new PosternError('bad-answer', 'not what the contract says');
        isRefused = message.t === 'refused';
        if (message.t === 'refused') this.#tell(message.why);
        else this.#given(message);
      }
    } catch (error) {
      this.#log.warn({ err: error }, 'the connection for the shared port broke');
    }
    socket.destroy();
    this.#socket = undefined;
    // A former process of ours may still be there: it is asked again in a moment.
    if (!isRefused) this.#settle();
    this.#again();
  }

  #settle(n = Number.POSITIVE_INFINITY): void {
    for (const [resolve, of] of this.#waiting) if (of <= n) resolve();
  }

  #claim(): void {
    this.#n += 1;
    this.#say({
      t: 'have',
      n: this.#n,
      tcp: [...this.#have.tcp],
      udp: [...this.#have.udp],
      kernelDoor: this.#kernelDoor,
    });
  }

  #given(given: Ports & { readonly n: number }): void {
    this.#settle(given.n);
    const { tcp, udp } = this.#have;
    const shared = {
      tcp: tcp.filter((port) => given.tcp.includes(port)),
      udp: udp.filter((port) => given.udp.includes(port)),
    };
    if (shared.tcp.length > 0 || tcp.length === 0)
      this.#log.info(shared, 'ports are shared with the controller of this host');
    else
      this.#tell(`the controller of this host does not have TCP port ${tcp.join()}: set the same listen.prelude there`);
  }

  #again(): void {
    if (this.#isStopped) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#connect().catch((error: Error) => this.#tell(error.message));
    }, againMs);
  }

  #say(message: ToPortGiver): void {
    this.#socket?.write(`${JSON.stringify(message)}\n`);
  }

  /** Once, until something else is to be told. */
  #tell(text: string): void {
    if (text === this.#told) return;
    this.#told = text;
    this.#log.warn({}, `the port is not shared: ${text}`);
  }
}

const mayNot = (path: string, cause: unknown) =>
  new PosternError(
    'invalid-config',
    `share.dir: this user may not use ${path}: put it into the group of that socket (deploy/install --one-port does)`,
    { cause },
  );
