/** A network that answers as a test says, and a clock that the test moves: no ladder waits for real. */
import type { Socket } from 'node:net';
import { PassThrough } from 'node:stream';
import { silentLog } from '#shared/base/log.ts';
import { type FrontDoor, usualKnockPorts } from '#shared/contracts/knock.ts';
import type { DialRung } from '#shared/wire/doors/dial-rung.ts';
import { Ladder, type RememberedRung } from '#shared/wire/doors/ladder.ts';
import { LegError } from '#shared/wire/doors/leg-failure.ts';
import type { ProxyPlace } from '#shared/wire/doors/proxy-of.ts';
import { rungName } from '#shared/wire/doors/rungs.ts';
import type { Wait } from '#shared/wire/doors/staggered.ts';

export class FakeTime {
  #now = 1_000_000;
  readonly #timers = new Set<{ readonly at: number; readonly then: () => void }>();
  readonly clock = { now: () => this.#now };

  readonly wait: Wait = (ms, then) => {
    const timer = { at: this.#now + ms, then };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  };

  /** In order, each with what follows from it. */
  async pass(ms: number): Promise<void> {
    const end = this.#now + ms;
    await settled();
    for (;;) {
      const next = [...this.#timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.#timers.delete(next);
      this.#now = Math.max(this.#now, next.at);
      next.then();
      await settled();
    }
    this.#now = end;
    await settled();
  }
}

/** All that can happen without time passing has happened. */
async function settled(): Promise<void> {
  for (let turns = 0; turns < 20; turns += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** What a rung meets, by its name: `works`, `hangs` (as the leg says), or an error. What is not named hangs. */
export type Fates = Record<string, 'works' | 'hangs' | Error>;

export interface FakeLadder {
  readonly ladder: Ladder;
  readonly time: FakeTime;
  /** Names of the rungs in the order in which they were begun. */
  readonly tried: string[];
  readonly given: { fates: Fates; network: string; door: FrontDoor; proxy: ProxyPlace | undefined };
  readonly memory: Map<string, RememberedRung>;
  readonly silences: () => number;
  connect(signal?: AbortSignal): Promise<string>;
}

export const proxy: ProxyPlace = { host: 'proxy', port: 3128, isTls: false, name: 'proxy:3128' };
export const refused = new LegError('connect', 'ECONNREFUSED', 'connection refused');
export const silence = new LegError('silence', 'closed', 'ended without a byte');

export function fakeLadder(door: FrontDoor, fates: Fates, { mayGuess = false, canKnock = true } = {}): FakeLadder {
  const time = new FakeTime();
  const tried: string[] = [];
  const given = { fates, network: 'home', door, proxy: undefined as ProxyPlace | undefined };
  const memory = new Map<string, RememberedRung>();
  let silences = 0;
  const source = {
    prelude: async () => Buffer.alloc(0),
    datagram: async () => Buffer.alloc(0),
    silence: () => {
      silences += 1;
    },
  };
  const dial: DialRung = ({ rung, signal, onLeg }) => {
    const name = rungName(rung);
    tried.push(name);
    onLeg(rung.proxy ? 'proxy' : rung.udp === undefined ? 'connect' : 'knock');
    const fate = given.fates[name] ?? 'hangs';
    if (fate instanceof Error) return Promise.reject(fate);
    if (fate === 'works') return Promise.resolve(Object.assign(new PassThrough(), { name }) as unknown as Socket);
    return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }));
  };
  const ladder = new Ladder({
    name: 'controller',
    door: () => given.door,
    source: () => (canKnock ? source : undefined),
    mayGuess,
    usualUdp: usualKnockPorts.controller,
    proxy: () => given.proxy,
    network: () => given.network,
    memory: {
      get: (network, name) => memory.get(`${network} ${name}`),
      set: (network, name, one) => void memory.set(`${network} ${name}`, one),
    },
    dial,
    clock: time.clock,
    log: silentLog,
    wait: time.wait,
  });
  return {
    ladder,
    time,
    tried,
    given,
    memory,
    silences: () => silences,
    async connect(signal = new AbortController().signal) {
      const to = { host: 'controller.example', port: 8443, signal };
      const raw = await ladder.connect(to, async (socket) => socket as Socket & { readonly name: string });
      return raw.name;
    },
  };
}
