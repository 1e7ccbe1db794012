/**
 * The controller's door (P25 to P28): for enrolled devices and joined gateways as long as they are in service, and for each open
 * invitation until it is used. Who that is, is read from the store again whenever something changed.
 */
import type { Server } from 'node:net';
import { fromBase64url } from '#shared/base/bytes.ts';
import { type Clock, minute } from '#shared/base/clock.ts';
import { PosternError } from '#shared/base/errors.ts';
import type { Log } from '#shared/base/log.ts';
import { controllerDoor, doorTimes, type KnockKind } from '#shared/contracts/knock.ts';
import { doorSecret } from '#shared/crypto/knock-keys.ts';
import { KeyRing, type KnockCredential } from '#shared/wire/doors/key-ring.ts';
import { KnockCounts } from '#shared/wire/doors/knock-counts.ts';
import { KnockJudge } from '#shared/wire/doors/knock-judge.ts';
import type { LetIns } from '#shared/wire/doors/let-ins.ts';
import { PreludeDoor } from '#shared/wire/doors/prelude-door.ts';
import type { KnockSecrets } from '../authority/knock-secrets.ts';
import type { KnockCounters } from '../identity/knock-counters.ts';
import { type KnockOwner, readKnockOwners } from '../identity/knock-owners.ts';
import { onChangeHint } from '../store/changes.ts';
import type { Db } from '../store/open-store.ts';

export interface ControllerDoorParts {
  readonly db: Db;
  readonly clock: Clock;
  readonly log: Log;
  readonly knocks: KnockSecrets;
  /** Asked when the door is opened for the first time. */
  readonly memory: () => Promise<KnockCounters>;
  readonly hasPrelude: boolean;
  /** Other keys are good now. */
  readonly onKeys: (isGood: (credential: string) => boolean) => void;
  /** Who was let in by the kernel door. */
  readonly letIns: LetIns;
}

const inFuture =
  'a backup was put back while the clock was ahead: no knock is good before that moment. If the clock is right now, put the backup back again';
/** Changes that come together are one reading. */
const togetherMs = 50;
const kinds: Readonly<Record<KnockOwner['role'], readonly KnockKind[]>> = {
  device: ['mutual', 'bootstrap'],
  gateway: ['mutual', 'bootstrap'],
  invitation: ['bootstrap'],
};

export class ControllerDoor {
  readonly prelude: PreludeDoor | undefined;
  readonly #parts: ControllerDoorParts;
  readonly #ring = new KeyRing(doorTimes.controller);
  readonly #counts: KnockCounts;
  #memory: KnockCounters | undefined;
  #opening: Promise<void> | undefined;
  #judge: KnockJudge | undefined;
  #unhint = () => {};
  #timer: NodeJS.Timeout | undefined;
  #credentials = new Map<string, KnockCredential>();
  #planned: NodeJS.Timeout | undefined;

  constructor(parts: ControllerDoorParts) {
    this.#parts = parts;
    this.#counts = new KnockCounts({ onSample: (sample) => parts.log.info(sample, 'a knock was refused') });
    if (!parts.hasPrelude) return;
    const judge = {
      judge: (...given: Parameters<KnockJudge['judge']>) => this.judge.judge(...given),
      count: (...given: Parameters<KnockJudge['count']>) => this.judge.count(...given),
    };
    this.prelude = new PreludeDoor({ judge });
  }

  /** From now on it knows who may knock; there is none to ask before. */
  open(): Promise<void> {
    this.#opening ??= this.#open();
    return this.#opening;
  }

  async #open(): Promise<void> {
    const { clock, log } = this.#parts;
    const memory = await this.#parts.memory();
    if (memory.since > clock.now()) log.error({ until: new Date(memory.since) }, inFuture);
    const rules = { ring: this.#ring, times: doorTimes.controller, kinds: ['mutual', 'bootstrap'] as const };
    this.#memory = memory;
    this.#judge = new KnockJudge({ ...rules, memory, counts: this.#counts, clock, log });
    this.#unhint = onChangeHint(() => this.#plan());
    // Another controller on the same store, and whatever gave no hint.
    this.#timer = setInterval(() => this.#plan(), minute).unref();
    await this.refresh();
  }

  get judge(): KnockJudge {
    if (this.#judge === undefined) throw new PosternError('internal', 'the door is not open yet');
    return this.#judge;
  }

  /** To be called after everything else that listens for the server's connections. */
  guard(server: Server, kind: KnockKind): void {
    this.prelude?.guard(server, kind);
    this.#parts.letIns.guard(server);
  }

  /** Resolves when whoever is in the store now may knock. */
  async refresh(): Promise<void> {
    if (this.#judge === undefined) return;
    const { db, clock, knocks } = this.#parts;
    const owners = await readKnockOwners(db, clock.now());
    const next = new Map<string, KnockCredential>();
    for (const { owner, role, client, since, until } of owners) {
      const known = this.#credentials.get(owner);
      const secret = known?.secret ?? doorSecret(fromBase64url(knocks.of(owner))!, controllerDoor);
      next.set(owner, { id: owner, client, secret, kinds: kinds[role], since, until });
    }
    this.#credentials = next;
    this.#ring.keepOnly([...next.values()]);
    this.#parts.onKeys((id) => this.#ring.has(id));
    await this.#memory?.forgetGone();
  }

  /** By outcome. */
  counts(): Readonly<Record<string, number>> {
    return this.#counts.read();
  }

  stop(): void {
    this.#unhint();
    clearInterval(this.#timer);
    clearTimeout(this.#planned);
    this.prelude?.stop();
  }

  #plan(): void {
    this.#planned ??= setTimeout(() => {
      this.#planned = undefined;
      this.refresh().catch((error: unknown) => this.#parts.log.error({ err: error }, 'who may knock cannot be read'));
    }, togetherMs);
  }
}
