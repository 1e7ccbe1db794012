/**
 * An administrator who takes away and gives back, again and again, whatever dies meanwhile. Each time that every gateway has confirmed it,
 * a window opens in which nothing of that person may reach an app; it closes before the first step of giving back.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { PersonId } from '../../deploy/quickstart/state.ts';
import type { SteeredTriangle } from '../support/steered-triangle.ts';
import type { Dice } from './dice.ts';
import type { LedgerApps } from './ledger-apps.ts';

export interface Window {
  readonly person: PersonId;
  readonly why: string;
  readonly from: number;
  /** Infinity for what is never given back. */
  to: number;
}

export interface AdminParts {
  readonly triangle: SteeredTriangle;
  readonly apps: LedgerApps;
  readonly dice: Dice;
  readonly say: (line: string) => void;
}

const groups: Readonly<Record<PersonId, string[]>> = {
  emil: ['engineers'],
  olivia: ['engineers'],
  audrey: ['engineers'],
};

export class AdminChanges {
  readonly windows: Window[] = [];
  /** What the controller said had been done; whatever dies, it must not go back behind that. */
  readonly answered = { change: 0, epoch: 0 };
  readonly wentBack: string[] = [];
  readonly #parts: AdminParts;
  readonly #out = new Set<PersonId>();
  readonly #running: Promise<void>;
  #stopped = false;

  constructor(parts: AdminParts) {
    this.#parts = parts;
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  /** For good: a person whose session was revoked and who does not sign in again. */
  async revokeForGood(person: PersonId): Promise<void> {
    this.#out.add(person);
    const { admin } = this.#parts.triangle;
    await this.#insist(() => admin.revoke({ body: { kind: 'person', id: person, because: 'left' } }));
    await this.#confirmed(person, 'revoked', 60_000);
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      await this.#parts.dice.pick([this.#groupChange, this.#policyChange, this.#grantChange]).call(this);
      await sleep(this.#parts.dice.below(200));
    }
  }

  async #groupChange(): Promise<void> {
    const person = this.#somebody();
    const put = (list: string[]) =>
      this.#insist(() => this.#parts.triangle.admin.putPerson({ params: { id: person }, body: { groups: list } }));
    await put([]);
    const window = await this.#confirmed(person, 'lost the groups');
    await sleep(this.#parts.dice.below(500));
    if (window !== undefined) window.to = performance.now();
    await put(groups[person]);
  }

  async #policyChange(): Promise<void> {
    const { admin } = this.#parts.triangle;
    const person = this.#somebody();
    const { version, files } = await this.#insist(() => admin.policy({ query: {} }));
    const text = `@id("out")\nforbid (principal == Person::"${person}", action, resource);\n`;
    const out = {
      files: [...files.filter(({ id }) => id !== 'out'), { id: 'out', text }],
      message: 'out',
      evenIfItLocksOut: true,
    };
    const { epoch } = await this.#insist(() => admin.publishPolicy({ body: out }));
    this.#tell('epoch', epoch);
    const window = await this.#confirmed(person, 'forbidden by a policy');
    await sleep(this.#parts.dice.below(500));
    if (window !== undefined) window.to = performance.now();
    const back = await this.#insist(() => admin.rollbackPolicy({ body: { epoch: version.epoch } }));
    this.#tell('epoch', back.epoch);
  }

  /** Of one grant: everything it carries is cut, and the next request gets another one. */
  async #grantChange(): Promise<void> {
    const { admin } = this.#parts.triangle;
    const { items } = await this.#insist(() => admin.grants({}));
    if (items.length === 0) return;
    const { id } = this.#parts.dice.pick(items);
    // It may have ended meanwhile.
    await admin.revoke({ body: { kind: 'grant', id } }).catch(() => undefined);
  }

  #somebody(): PersonId {
    const all: PersonId[] = ['emil', 'olivia', 'audrey'];
    return this.#parts.dice.pick(all.filter((person) => !this.#out.has(person)));
  }

  /** A call whose answer was lost is made again: each of them is one that can be. */
  async #insist<T>(call: () => Promise<T>): Promise<T> {
    const end = performance.now() + 60_000;
    for (;;) {
      try {
        return await call();
      } catch (error) {
        if (performance.now() > end) throw error;
        await sleep(50);
      }
    }
  }

  async #confirmed(person: PersonId, why: string, patienceMs = 8000): Promise<Window | undefined> {
    const { triangle, apps, say } = this.#parts;
    const { change } = await this.#insist(() => triangle.admin.status({}));
    this.#tell('change', change);
    const end = performance.now() + patienceMs;
    while (performance.now() < end) {
      const report = await triangle.admin.cut({ params: { change } }).catch(() => undefined);
      if (report?.complete) {
        await apps.barrier();
        const window = { person, why, from: performance.now(), to: Number.POSITIVE_INFINITY };
        this.windows.push(window);
        return window;
      }
      await sleep(50);
    }
    say(`${person} ${why}: not confirmed within ${patienceMs} ms, so nothing is claimed`);
    return undefined;
  }

  #tell(what: 'change' | 'epoch', value: number): void {
    if (value < this.answered[what]) this.wentBack.push(`${what} ${this.answered[what]} became ${value}`);
    this.answered[what] = value;
  }
}
