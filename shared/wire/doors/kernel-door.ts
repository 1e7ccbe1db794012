/**
 * The kernel door (P27, P28): while it is up, the ports behind it send nothing at all to who has not knocked. The table stays when
 * this process ends, however it ends, and so the ports stay shut; `removeKernelDoor` takes it away.
 *
 * Somebody else may flush or change the table. It is looked at every second, and at once when nft tells of a removal, and put back.
 * Until then the kernel would answer a handshake: so each connection is asked about once more when it arrives (`let-ins.ts`), by
 * what was let in here, and one that never knocked is ended without a byte.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { type Clock, second, steadyOf } from '../../base/clock.ts';
import { PosternError } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import {
  type DoorName,
  type KernelRules,
  letInLine,
  listLine,
  removalLine,
  rulesLine,
  shutOutLine,
} from './kernel-rules.ts';
import type { LetInChange } from './let-ins.ts';
import { NftChild, nftEnvironment } from './nft-child.ts';

export interface KernelDoorOptions extends KernelRules {
  readonly clock: Clock;
  readonly log: Log;
  /** Goes to every process that takes connections, before the kernel lets anybody in. */
  readonly tell: (change: LetInChange) => void;
  /** Each second. */
  readonly onCheck?: () => void;
}

const checkMs = second;

export class KernelDoor {
  readonly #options: KernelDoorOptions;
  readonly #steady: Clock;
  readonly #nft = new NftChild();
  #asApplied = '';
  /** By the steady clock; undefined for a door that stays. */
  #trialEnd: number | undefined;
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

  /**
   * Shut when it resolves: to be awaited before anything listens. With `trialMs` it is shut for that long, and taking it away then
   * is the kernel's own business. Throws `invalid-config` that says what is missing.
   */
  async start(trialMs?: number): Promise<void> {
    if (trialMs !== undefined) this.#trialEnd = this.#steady.now() + trialMs;
    // What is wrong with the options is said before anything is touched.
    rulesLine(this.#options, this.#trialSeconds());
    this.#options.tell({ shut: this.#options.ports });
    try {
      await this.#apply();
    } catch (cause) {
      this.#options.tell({ shut: [] });
      await this.#nft.stop();
      throw cannotStart(cause);
    }
    this.#timer = setInterval(() => this.#check(), checkMs);
    this.#watch();
  }

  /** A door on trial stays. Where the kernel will not have it, it is on trial as before: told as one that stays, it would open unseen. */
  async keep(): Promise<void> {
    // The kernel tells of the table that goes for this one: who looks then waits, and takes our own work for nobody else's.
    while (this.#checking !== undefined) await this.#checking;
    const trialEnd = this.#trialEnd;
    this.#trialEnd = undefined;
    const applied = this.#apply();
    this.#checking = applied
      .catch(() => {})
      .finally(() => {
        this.#checking = undefined;
      });
    try {
      await applied;
    } catch (error) {
      this.#trialEnd = trialEnd;
      throw error;
    }
  }

  /** Resolves when the kernel lets it in. `port` is one of the protected. Throws when nft would not, twice. */
  async letIn(source: string, port: number): Promise<void> {
    const line = letInLine(this.#options, source, port);
    this.#options.tell({ source, port, forMs: this.#options.openSeconds * second });
    try {
      await this.#nft.run(line);
    } catch (error) {
      // The table is gone, or nft is: both are put right once.
      this.#options.log.warn({ err: error }, 'a source could not be let in at once');
      await this.#check();
      await this.#nft.run(line);
    }
  }

  /** Never rejects: here it is shut out at once, and what the kernel still lets in ends here. */
  async shutOut(source: string, port: number): Promise<void> {
    const { tell, log } = this.#options;
    tell({ source, port, forMs: 0 });
    await this.#nft.run(shutOutLine(this.#options, source, port)).catch((error: unknown) => {
      log.warn({ err: error }, 'a source could not be shut out in the kernel');
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

  /** The table goes, and the ports answer everybody. */
  async remove(): Promise<void> {
    this.#isStopped = true;
    await this.#checking;
    await this.#nft.run(removalLine(this.#options));
    this.#options.tell({ shut: [] });
    await this.stop();
  }

  #trialSeconds(): number | undefined {
    return this.#trialEnd && Math.max(1, Math.ceil((this.#trialEnd - this.#steady.now()) / second));
  }

  async #apply(): Promise<void> {
    await this.#nft.run(rulesLine(this.#options, this.#trialSeconds()));
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
    const { log, onCheck } = this.#options;
    onCheck?.();
    // A trial that is over is taken away by whoever began it.
    if (this.#trialEnd !== undefined && this.#trialEnd <= this.#steady.now()) return;
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

function cannotStart(cause: unknown): PosternError {
  const text = whatIsMissing(cause instanceof Error ? cause.message : String(cause));
  // Whoever reads it has this host's own shell.
  return new PosternError('invalid-config', text, { cause, tell: `${text[0]!.toUpperCase()}${text.slice(1)}.` });
}

function whatIsMissing(text: string): string {
  const instead = 'or choose `door: prelude`, which needs no privilege';
  if (/not permitted/i.test(text)) {
    return `the kernel door needs the capability CAP_NET_ADMIN (for a systemd unit: deploy/install --kernel-door, which sets AmbientCapabilities=CAP_NET_ADMIN); give it, ${instead}`;
  }
  if (/not found|ENOENT/i.test(text)) {
    return `the kernel door needs the program nft (package nftables); install it, ${instead}`;
  }
  return `the kernel door cannot be set up (${text}); put it right, ${instead}`;
}
