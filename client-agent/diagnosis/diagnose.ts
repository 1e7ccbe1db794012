/**
 * Looks at every leg at once and judges them in order. The whole has an end by construction: each look has its own deadline, these add up
 * to less than `wholeMs`, and what has not answered then counts as silent.
 */
import { second } from '#shared/base/clock.ts';
import { PosternError } from '#shared/base/errors.ts';
import { splitAddress } from '#shared/base/split-address.ts';
import type { AddressSeen, CallSeen, Evidence, GatewaySeen, OwnFacts, SurroundingsSeen, WaySeen } from './evidence.ts';
import type { Trust } from './greet.ts';
import { type Diagnosis, judge } from './judge.ts';
import type { Probes } from './probes.ts';

export interface Way {
  /** `host:port` of the controller. */
  readonly addresses: readonly string[];
  /** What our controller's certificate leads to. */
  readonly trust: Trust;
  /** The agent's own way, over a connection of its own. */
  readonly call: (address: string, timeoutMs: number) => Promise<CallSeen>;
  readonly gateways: (timeoutMs: number) => readonly Promise<GatewaySeen>[];
  /** Asked when all is seen. */
  readonly ways?: () => readonly WaySeen[];
  /** Asked when all is seen, with what the controller's time was found to be apart from this device's, if it was. */
  readonly own: (clockOffsetMs: number | undefined) => OwnFacts;
}

/** Milliseconds. Of one address: names first, then what wants its IP address. */
export const deadlines = {
  name: 0.6 * second,
  /** A stranger's greeting is left out while the controller answers by itself. */
  headStart: 0.2 * second,
  look: 1 * second,
  call: 1.5 * second,
  system: 1 * second,
  whole: 1.9 * second,
} as const;

export async function diagnose(probes: Probes, way: Way): Promise<Diagnosis> {
  return judge(await gather(probes, way));
}

/** `after`: a signal that aborts after so many milliseconds. */
export type After = (ms: number) => AbortSignal;
const afterMs: After = (ms) => AbortSignal.timeout(ms);

export async function gather(probes: Probes, way: Way, after: After = afterMs): Promise<Evidence> {
  const { addresses, own, ways = () => [] } = way;
  let offsetMs: number | undefined;
  const call: Way['call'] = async (address, timeoutMs) => {
    const seen = await way.call(address, timeoutMs);
    if (seen.ok) offsetMs = seen.time - Date.now();
    return seen;
  };
  const ends = ended(after(deadlines.whole));
  const late: CallSeen = { ok: false, error: new PosternError('unreachable', 'no answer in time') };
  const nothing = { name: undefined, route: undefined, http: undefined, greeting: undefined };
  const [seen, around, gateways] = await Promise.all([
    Promise.all(
      addresses.map((address) =>
        orElse<AddressSeen>(seeAddress(probes, { ...way, call }, address, after), ends, {
          address,
          ...nothing,
          call: late,
        }),
      ),
    ),
    seeAround(probes, addresses, { ends, after }),
    Promise.all(
      way.gateways(deadlines.call).map((gateway) => orElse<GatewaySeen | undefined>(gateway, ends, undefined)),
    ),
  ]);
  return {
    addresses: seen,
    around,
    own: own(offsetMs),
    gateways: gateways.filter((gateway) => gateway !== undefined),
    ways: ways(),
  };
}

async function seeAddress(probes: Probes, way: Way, address: string, after: After): Promise<AddressSeen> {
  const { host, port } = splitAddress(address);
  const called = way.call(address, deadlines.call);
  const name = await probes.resolve(host, after(deadlines.name));
  const [ip] = name.addresses;
  const base = { address, name: ip === host ? undefined : name };
  if (ip === undefined) return { ...base, route: undefined, http: undefined, greeting: undefined, call: await called };
  const route = await probes.route(ip, port);
  if ('failed' in route) return { ...base, route, http: undefined, greeting: undefined, call: await called };
  const early = await Promise.race([called, ended(after(deadlines.headStart))]);
  if (early instanceof Object && early.ok) return { ...base, route, http: undefined, greeting: undefined, call: early };
  const signal = after(deadlines.look);
  const [http, greeting, call] = await Promise.all([
    probes.http(ip, host, signal),
    probes.greet(ip, port, way.trust, signal),
    called,
  ]);
  return { ...base, route, http, greeting, call };
}

async function seeAround(
  probes: Probes,
  addresses: readonly string[],
  { ends, after }: Ends,
): Promise<SurroundingsSeen> {
  const hosts = addresses.map((address) => splitAddress(address).host);
  const signal = after(deadlines.system);
  const [wild, toldPortal, clockSynchronised] = await Promise.all([
    orElse(probes.wild(hosts, signal), ends, []),
    orElse(probes.toldPortal(signal), ends, undefined),
    orElse(probes.clockSynchronised(signal), ends, undefined),
  ]);
  return {
    interfaces: probes.interfaces(),
    wild,
    ...(toldPortal === undefined ? {} : { toldPortal }),
    ...(clockSynchronised === undefined ? {} : { clockSynchronised }),
  };
}

interface Ends {
  readonly ends: Promise<void>;
  readonly after: After;
}

function ended(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}

/** A look that does not keep its deadline is not waited for. */
async function orElse<T>(look: Promise<T>, ends: Promise<void>, otherwise: T): Promise<T> {
  return Promise.race([look, ends.then(() => otherwise)]);
}
