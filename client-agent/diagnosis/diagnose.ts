/**
 * Looks at every leg at once and judges them in order. The whole has an end by construction: each look has its own deadline, these add up
 * to less than `wholeMs`, and what has not answered then counts as silent.
 */
import { second } from '#shared/base/clock.ts';
import { PosternError } from '#shared/base/errors.ts';
import { splitAddress } from '#shared/base/split-address.ts';
import type { AddressSeen, CallSeen, Evidence, GatewaySeen, OwnFacts, SurroundingsSeen } from './evidence.ts';
import { type Diagnosis, judge } from './judge.ts';
import type { Probes } from './probes.ts';

export interface Way {
  /** `host:port` of the controller. */
  readonly addresses: readonly string[];
  /** The roots that our controller's certificate leads to, as PEM. */
  readonly bundle: readonly string[];
  /** The agent's own way, over a connection of its own. */
  readonly call: (address: string, timeoutMs: number) => Promise<CallSeen>;
  readonly gateways: (timeoutMs: number) => readonly Promise<GatewaySeen>[];
  /** Asked when all is seen. */
  readonly own: () => OwnFacts;
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

export async function gather(probes: Probes, way: Way): Promise<Evidence> {
  const { addresses, own } = way;
  const end = AbortSignal.timeout(deadlines.whole);
  const ends = ended(end);
  const late: CallSeen = { ok: false, error: new PosternError('unreachable', 'no answer in time') };
  const nothing = { name: undefined, route: undefined, http: undefined, greeting: undefined };
  const [seen, around, gateways] = await Promise.all([
    Promise.all(
      addresses.map((address) => orElse<AddressSeen>(seeAddress(probes, way, address), ends, { address, ...nothing, call: late })),
    ),
    seeAround(probes, addresses, ends),
    Promise.all(way.gateways(deadlines.call).map((gateway) => orElse<GatewaySeen | undefined>(gateway, ends, undefined))),
  ]);
  return { addresses: seen, around, own: own(), gateways: gateways.filter((gateway) => gateway !== undefined) };
}

async function seeAddress(probes: Probes, way: Way, address: string): Promise<AddressSeen> {
  const { host, port } = splitAddress(address);
  const called = way.call(address, deadlines.call);
  const name = await probes.resolve(host, AbortSignal.timeout(deadlines.name));
  const [ip] = name.addresses;
  const base = { address, name: ip === host ? undefined : name };
  if (ip === undefined) return { ...base, route: undefined, http: undefined, greeting: undefined, call: await called };
  const route = await probes.route(ip, port);
  if ('failed' in route) return { ...base, route, http: undefined, greeting: undefined, call: await called };
  const early = await Promise.race([called, pause(deadlines.headStart)]);
  if (early?.ok === true) return { ...base, route, http: undefined, greeting: undefined, call: early };
  const signal = AbortSignal.timeout(deadlines.look);
  const [http, greeting, call] = await Promise.all([
    probes.http(ip, host, signal),
    probes.greet(ip, port, way.bundle, signal),
    called,
  ]);
  return { ...base, route, http, greeting, call };
}

async function seeAround(probes: Probes, addresses: readonly string[], ends: Promise<void>): Promise<SurroundingsSeen> {
  const hosts = addresses.map((address) => splitAddress(address).host);
  const signal = AbortSignal.timeout(deadlines.system);
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

function ended(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}

/** A look that does not keep its deadline is not waited for. */
async function orElse<T>(look: Promise<T>, ends: Promise<void>, otherwise: T): Promise<T> {
  return Promise.race([look, ends.then(() => otherwise)]);
}

const pause = (ms: number): Promise<undefined> => new Promise((resolve) => setTimeout(resolve, ms, undefined));
