/**
 * The kernel door of one process with all that belongs to it: the table, the sockets that take knocks, and the trial. It can be put
 * up before anything listens, or later while the process runs.
 */
import { type Clock, second, steadyOf } from '../../base/clock.ts';
import { PosternError } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import type { DoorMode, FrontDoor, KnockKind } from '../../contracts/knock.ts';
import { KernelDoor, removeKernelDoor } from './kernel-door.ts';
import { type DoorName, sharedRules, tableOf } from './kernel-rules.ts';
import { KnockListener, type KnockListenerOptions } from './knock-listener.ts';
import type { LetInChange } from './let-ins.ts';
import { forgetTables, notedTables, noteTables } from './noted-table.ts';
import { OpenedBy } from './opened-by.ts';

export interface KernelEntranceOptions {
  /** The state directory, which remembers the table. */
  readonly dir: string;
  readonly role: DoorName['role'];
  readonly host: string;
  readonly ports: Readonly<Partial<Record<KnockKind, number>>>;
  readonly knockPorts: readonly number[];
  readonly openSeconds: number;
  /** Whether there is a prelude door behind it. */
  readonly hasPrelude: boolean;
  /** The port with that door alone; 0 for none. */
  readonly preludePort: number;
  readonly clock: Clock;
  readonly log: Log;
  /** To every process that takes connections. */
  readonly tell: (change: LetInChange) => void;
  readonly onCheck?: () => void;
  /** Who judges knocks; asked when the first one could come. */
  readonly judge: () => Promise<KnockListenerOptions['judge']>;
  /** It has gone up or down while the process ran. */
  readonly onChanged?: () => void;
  /** Of ports that are shared with another process of this host: who of the two listens. */
  readonly shared?: SharedKnocks | undefined;
}

export interface SharedKnocks {
  /** The kernel door keeps `preludePort` too, which both have. */
  readonly keepsPort: boolean;
  readonly passOn?: KnockListenerOptions['passOn'];
  /** Resolves when knocks are taken, here or there. Rejects as `KnockListener.start`. */
  start(listener: KnockListener): Promise<void>;
  stop(listener: KnockListener): Promise<void>;
}

export interface EntranceState {
  readonly door: DoorMode;
  readonly ports: readonly number[];
  readonly table?: string | undefined;
  readonly repairs: number;
  /** Milliseconds until it undoes itself. */
  readonly trialMs?: number | undefined;
  /** Connections that came in by a knock since it went up. */
  readonly cameIn: number;
}

export class KernelEntrance {
  readonly #options: KernelEntranceOptions;
  readonly #steady: Clock;
  #door: KernelDoor | undefined;
  /** Of the port that is shared. */
  #sharedDoor: KernelDoor | undefined;
  #listener: KnockListener | undefined;
  #trial: { readonly endsAt: number; readonly timer: NodeJS.Timeout } | undefined;
  readonly #openedBy: OpenedBy;
  #cameIn = 0;

  constructor(options: KernelEntranceOptions) {
    this.#options = options;
    this.#steady = steadyOf(options.clock);
    this.#openedBy = new OpenedBy(options.clock, options.openSeconds * second);
  }

  get isUp(): boolean {
    return this.#door !== undefined;
  }

  told(): FrontDoor {
    const { hasPrelude, knockPorts, preludePort } = this.#options;
    // Without a knock by UDP nobody comes in at a port that the kernel keeps.
    const open = preludePort === 0 || this.#sharedPort !== undefined ? {} : { preludePort };
    if (this.isUp) return { door: hasPrelude ? 'both' : 'kernel', ports: knockPorts, ...open };
    return { door: hasPrelude ? 'prelude' : 'none', ...open };
  }

  state(): EntranceState {
    const { door, ports = [] } = this.told();
    const trialMs = this.#trial && Math.max(0, this.#trial.endsAt - this.#steady.now());
    const table = this.isUp ? this.#names().map(tableOf).join(', ') : undefined;
    const repairs = (this.#door?.repairs ?? 0) + (this.#sharedDoor?.repairs ?? 0);
    return { door, ports, table, repairs, trialMs, cameIn: this.#cameIn };
  }

  /** A connection came in by a knock. */
  cameIn(): void {
    this.#cameIn += 1;
  }

  /**
   * What an earlier start left and this one does not want is taken away. Throws `invalid-config` when that cannot be: the ports
   * would answer nobody, not even who may come.
   */
  async clear(isWanted: boolean): Promise<void> {
    const { dir, log } = this.#options;
    const wanted = isWanted ? this.#names().map(tableOf) : [];
    const noted = notedTables(dir);
    const left = noted.filter((name) => !wanted.includes(tableOf(name)));
    for (const name of left) {
      const table = tableOf(name);
      try {
        await removeKernelDoor(name);
      } catch (cause) {
        const text = `the kernel door of an earlier start is still there and would keep everybody out: as root run "postern-${this.#options.role} door remove" with this configuration, or "nft delete table inet ${table}" and remove ${dir}/kernel-door.json`;
        throw new PosternError('invalid-config', text, { cause });
      }
      log.info({ table }, 'the kernel door of an earlier start was taken away');
    }
    if (left.length === noted.length) forgetTables(dir);
  }

  /** Shut when it resolves; nobody can knock before `listen`. Throws `invalid-config` that says what is missing. */
  async shut(trialMs?: number): Promise<void> {
    const { dir, host, clock, log, tell, onCheck, knockPorts, openSeconds, ports } = this.#options;
    const rules = { ...this.#name(), ports: Object.values(ports), knockPorts, openSeconds };
    const door = new KernelDoor({ ...rules, clock, log, tell, ...(onCheck === undefined ? {} : { onCheck }) });
    noteTables(dir, this.#names());
    await door.start(trialMs);
    this.#door = door;
    this.#cameIn = 0;
    log.info({ table: tableOf(rules), knockPorts }, 'the kernel door is shut');
    if (this.#sharedPort === undefined) return;
    // What is let in there has a prelude before it, and comes to whoever of the two has the port: it is asked about nowhere else.
    this.#sharedDoor = new KernelDoor({ ...sharedRules(this.#sharedPort, host), clock, log, tell: () => {} });
    await this.#sharedDoor.start();
  }

  async listen(): Promise<void> {
    const { host, knockPorts, log, judge, ports, shared } = this.#options;
    const letIn = async (source: string, kind: KnockKind, credential: string) => {
      const port = ports[kind];
      if (port === undefined || !this.#openedBy.add({ credential, source, port })) return;
      await Promise.all([this.#door?.letIn(source, port), this.#letInShared(source)]);
    };
    const hosts = host === '::' ? ['0.0.0.0', '::'] : [host];
    const passOn = shared?.passOn;
    const listener = new KnockListener({ judge: await judge(), letIn, ports: knockPorts, hosts, log, passOn });
    this.#listener = listener;
    await (shared ?? alone).start(listener);
  }

  /** Keys may have gone: whoever was let in by one of those, and by no other, begins no connection more. */
  keysChanged(isGood: (credential: string) => boolean): void {
    for (const { source, port } of this.#openedBy.keepOnly(isGood)) {
      void this.#door?.shutOut(source, port);
      if (this.#sharedPort !== undefined) void this.#sharedDoor?.shutOut(source, this.#sharedPort);
    }
  }

  /** Goes up while the process runs, and comes down again unless `keep` was called. Throws `conflict` when it is up. */
  async try(trialMs: number): Promise<void> {
    if (this.isUp) throw new PosternError('conflict', 'the kernel door is up already', { tell: 'The door is up.' });
    if (this.#sharedPort !== undefined) {
      throw conflict('a port that is shared is not tried: set door in both configurations and start both again');
    }
    await this.shut(trialMs);
    const timer = setTimeout(() => void this.#undo(), trialMs);
    this.#trial = { endsAt: this.#steady.now() + trialMs, timer };
    try {
      await this.listen();
    } catch (error) {
      await this.takeDown();
      throw error;
    }
    this.#options.onChanged?.();
  }

  /** Throws `conflict` without a trial, before anybody came in through the door, or when the time is up meanwhile. The trial goes on where the kernel refuses. */
  async keep(): Promise<void> {
    const trial = this.#trial;
    if (trial === undefined) throw conflict('no kernel door is on trial');
    if (this.#cameIn === 0) {
      throw conflict('nobody has come in through the door yet: open a new connection from a device, then confirm');
    }
    await this.#door?.keep();
    if (this.#trial !== trial) throw conflict('the trial was over before it was confirmed');
    clearTimeout(trial.timer);
    this.#trial = undefined;
  }

  /** The table goes, and what takes knocks. */
  async takeDown(): Promise<void> {
    clearTimeout(this.#trial?.timer);
    this.#trial = undefined;
    const [door, sharedDoor, listener] = [this.#door, this.#sharedDoor, this.#listener];
    this.#door = undefined;
    this.#sharedDoor = undefined;
    this.#listener = undefined;
    await this.#hearNoMore(listener);
    await door?.remove();
    await sharedDoor?.remove();
    forgetTables(this.#options.dir);
    this.#options.onChanged?.();
  }

  /** The table stays, and the ports shut; but for one on trial. */
  async stop(): Promise<void> {
    if (this.#trial !== undefined) return this.takeDown();
    await this.#hearNoMore(this.#listener);
    await Promise.all([this.#door?.stop(), this.#sharedDoor?.stop()]);
  }

  async #hearNoMore(listener: KnockListener | undefined): Promise<void> {
    if (listener !== undefined) await (this.#options.shared ?? alone).stop(listener);
  }

  async #undo(): Promise<void> {
    const { log } = this.#options;
    try {
      await this.takeDown();
      log.warn({}, 'the kernel door was not confirmed in time and is taken away');
    } catch (error) {
      log.error({ err: error }, 'the kernel door was not confirmed in time and cannot be taken away');
    }
  }

  get #sharedPort(): number | undefined {
    const { preludePort, shared } = this.#options;
    return shared?.keepsPort === true ? preludePort : undefined;
  }

  async #letInShared(source: string): Promise<void> {
    if (this.#sharedPort !== undefined) await this.#sharedDoor?.letIn(source, this.#sharedPort);
  }

  /** Of all its tables. */
  #names(): DoorName[] {
    const port = this.#sharedPort;
    return [this.#name(), ...(port === undefined ? [] : [sharedRules(port, this.#options.host)])];
  }

  #name(): DoorName {
    const { role, host, ports } = this.#options;
    return { role, port: ports.mutual ?? 0, host };
  }
}

const alone: SharedKnocks = {
  keepsPort: false,
  start: (listener) => listener.start(),
  stop: (listener) => listener.stop(),
};

const conflict = (text: string) =>
  new PosternError('conflict', text, { tell: `${text[0]!.toUpperCase()}${text.slice(1)}.` });
