/**
 * The kernel door (P27, P28): while it is up, the ports behind it send nothing at all to who has not knocked. The table stays when
 * this process ends, however it ends, and so the ports stay shut; `removeKernelDoor` takes it away.
 *
 * Somebody else may flush or change the table. It is looked at every second, and at once when nft tells of a removal, and put back.
 * Until then the kernel would answer a handshake: so each connection is asked about once more when it arrives here (`guard`), by
 * what this process itself let in, and one that never knocked is ended without a byte.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Server, Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import { type Clock, second, steadyOf } from '../../base/clock.ts';
import { PosternError } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import { plainAddress } from '../../base/plain-address.ts';
import { type DoorName, type KernelRules, letInLine, listLine, removalLine, rulesLine } from './kernel-rules.ts';
import { NftChild, nftEnvironment } from './nft-child.ts';

export interface KernelDoorOptions extends KernelRules {
  readonly clock: Clock;
  readonly log: Log;
}

const checkMs = second;
/** A handshake that began in time may end, and be taken up here, a little later. */
const handshakeMs = 10 * second;

export class KernelDoor {
  readonly #options: KernelDoorOptions;
  readonly #steady: Clock;
  readonly #nft = new NftChild();
  /** Until when, by source and port. */
  readonly #letIn = new Map<string, number>();
  #asApplied = '';
  #checking: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #monitor: ChildProcessByStdio<Writable, Readable, null> | undefined;
  #repairs = 0;
  #isStopped = false;

  constructor(options: KernelDoorOptions) {
    this.#options = options;
    this.#steady = steadyOf(options.clock);
  }

  /** How often the table had to be put back. */
  get repairs(): number {
    return this.#repairs;
  }

  /** Shut when it resolves: to be awaited before anything listens. Throws `invalid-config` that says what is missing. */
  async start(): Promise<void> {
    // What is wrong with the options is said before anything is touched.
    rulesLine(this.#options);
    try {
      await this.#apply();
    } catch (cause) {
      await this.#nft.stop();
      throw cannotStart(cause);
    }
    this.#timer = setInterval(() => this.#check(), checkMs);
    this.#watch();
  }

  /** Resolves when the kernel lets it in. `port` is one of the protected. Throws when nft would not, twice. */
  async letIn(source: string, port: number): Promise<void> {
    const line = letInLine(this.#options, source, port);
    this.#letIn.set(nameOf(source, port), this.#steady.now() + this.#options.openSeconds * second + handshakeMs);
    try {
      await this.#nft.run(line);
    } catch (error) {
      // The table is gone, or nft is: both are put right once.
      this.#options.log.warn({ err: error }, 'a source could not be let in at once');
      await this.#check();
      await this.#nft.run(line);
    }
  }

  /** Whether this source knocked for this port, or is this host itself. */
  admits(source: string, port: number): boolean {
    const address = plainAddress(source);
    if (address === '::1' || address.startsWith('127.')) return true;
    const until = this.#letIn.get(nameOf(address, port));
    return until !== undefined && until > this.#steady.now();
  }

  /** Asks about each connection of `server`. To be called after everything else that listens for them. */
  guard(server: Server): void {
    const inner = server.listeners('connection') as ((socket: Socket) => void)[];
    server.removeAllListeners('connection');
    server.on('connection', (socket: Socket) => {
      const { remoteAddress, localPort } = socket;
      const isGood = remoteAddress !== undefined && localPort !== undefined && this.admits(remoteAddress, localPort);
      if (!isGood) {
        socket.on('error', () => {}).destroy();
        return;
      }
      for (const listener of inner) listener.call(server, socket);
    });
  }

  /** The table stays, and the ports shut. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearInterval(this.#timer);
    this.#monitor?.stdin.end();
    await this.#checking;
    await this.#nft.stop();
  }

  async #apply(): Promise<void> {
    await this.#nft.run(rulesLine(this.#options));
    this.#asApplied = await this.#nft.run(listLine(this.#options));
  }

  /** Never rejects. One at a time; who comes meanwhile waits for the one that runs. */
  #check(): Promise<void> {
    this.#checking ??= this.#checkNow().finally(() => {
      this.#checking = undefined;
    });
    return this.#checking;
  }

  async #checkNow(): Promise<void> {
    const now = this.#steady.now();
    for (const [name, until] of this.#letIn) if (until <= now) this.#letIn.delete(name);
    const { log } = this.#options;
    const found = await this.#nft.run(listLine(this.#options)).catch((error: Error) => error.message);
    if (found === this.#asApplied || this.#isStopped) return;
    try {
      await this.#apply();
      this.#repairs += 1;
      log.warn({}, 'the kernel door was not as it must be, and has been put back');
    } catch (error) {
      log.error({ err: error }, 'the kernel door cannot be put back: only who knocked is served until it is');
    }
  }

  /** Tells of removals at once; should it end, the check of each second remains. */
  #watch(): void {
    // Its shell's stdin ends with this process, and it with that.
    const script = 'nft monitor destroy & monitor=$!; cat >/dev/null; kill $monitor';
    const monitor = spawn('/bin/sh', ['-c', script], { stdio: ['pipe', 'pipe', 'ignore'], env: nftEnvironment() });
    this.#monitor = monitor;
    monitor.stdin.on('error', () => {});
    monitor.stdout.on('data', () => void this.#check());
    monitor.once('error', (error) => this.#options.log.warn({ err: error }, 'nft monitor does not run'));
  }
}

/** Takes the table away, and nothing else. Also right when there is none. Throws `invalid-config` that says what is missing. */
export async function removeKernelDoor(name: DoorName): Promise<void> {
  const nft = new NftChild();
  try {
    await nft.run(removalLine(name));
  } catch (cause) {
    throw cannotStart(cause);
  } finally {
    await nft.stop();
  }
}

const nameOf = (source: string, port: number): string => `${plainAddress(source)} ${port}`;

function cannotStart(cause: unknown): PosternError {
  const text = cause instanceof Error ? cause.message : String(cause);
  const instead = 'or choose `door: prelude`, which needs no privilege';
  if (/not permitted/i.test(text)) {
    return new PosternError(
      'invalid-config',
      `the kernel door needs the capability CAP_NET_ADMIN (for a systemd unit: AmbientCapabilities=CAP_NET_ADMIN); give it, ${instead}`,
      { cause },
    );
  }
  if (/not found|ENOENT/i.test(text)) {
    return new PosternError(
      'invalid-config',
      `the kernel door needs the program nft (package nftables); install it, ${instead}`,
      {
        cause,
      },
    );
  }
  return new PosternError('invalid-config', `the kernel door cannot be set up (${text}); put it right, ${instead}`, {
    cause,
  });
}
