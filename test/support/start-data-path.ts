/** A data path on a free port, with everything it needs and an app behind it. */
import { steadyOf, systemClock } from '#shared/base/clock.ts';
import { silentLog } from '#shared/base/log.ts';
import type { App } from '#shared/contracts/app.ts';
import { keyThumbprint, publicKeyToJwk } from '#shared/crypto/keys.ts';
import { LetIns } from '#shared/wire/doors/let-ins.ts';
import { DataPath } from '../../gateway/from-agents/data-path.ts';
import type { UsedGrants } from '../../gateway/grants/used-grants.ts';
import { appCredentials } from '../../gateway/keystore/app-credentials.ts';
import type { RecordSink } from '../../gateway/record-sink.ts';
import type { StreamMessage } from '../../gateway/state/stream-types.ts';
import { gatewayId, type Leaf, MemorySink, MemoryUses, makeWorld, site, trustDomain } from './gateway-world.ts';

/** `dir`: of the gateway, where an app asks for a certificate. */
export async function startDataPath<Records extends RecordSink = MemorySink>(
  apps: readonly App[],
  changes: Record<string, unknown> = {},
  dir = '/nowhere',
  records: Records = new MemorySink() as RecordSink as Records,
  used: UsedGrants = new MemoryUses(),
) {
  const world = await makeWorld();
  const [own, device] = await Promise.all([world.leaf('gateway', gatewayId), world.leaf('device', 'dev_00000001')]);
  const identityKey = (await world.leaf('gateway', 'other')).keys;
  const kid = keyThumbprint(identityKey.publicKey);
  let offset = 0;
  let unknownKeys = 0;
  const steady = steadyOf(systemClock);
  const times = () => ({
    offset,
    steadyOffset: Date.now() + offset - steady.now(),
    freshUntil: Date.now() + offset + 15_000,
  });
  const path = new DataPath({
    preludePort: 0,
    identity: { gateway: gatewayId, site, trustDomain },
    keys: {
      tls: own.keys,
      identity: {
        kid,
        privateKey: identityKey.privateKey,
        jwk: { ...publicKeyToJwk(identityKey.publicKey), kid, alg: 'ES256', use: 'sig' },
      },
      forApps: appCredentials(dir),
    },
    own,
    listen: { host: '127.0.0.1', port: 0 },
    workers: 1,
    clock: systemClock,
    log: silentLog,
    records,
    used,
    first: world.snapshot(apps, changes),
    times: times(),
    letIns: new LetIns(systemClock),
    onUnknownKey: () => {
      unknownKeys += 1;
    },
  });
  const { port } = await path.start();
  let n = 10;
  return {
    world,
    path,
    port,
    own,
    device: device as Leaf,
    records,
    identityKey,
    unknownKeys: () => unknownKeys,
    /** One change as the stream would bring it; returns how many streams it cut. */
    change(...list: unknown[]): number {
      const after = n;
      n += 1;
      return path.apply({ t: 'change', after, n, time: Date.now(), changes: list } as StreamMessage, times());
    },
    revoke(kind: string, id: string): number {
      return this.change({
        kind: 'revoke',
        revocations: [{ kind, id, seen: n + 1, until: Date.now() + offset + 310_000, reason: 'revoked' }],
      });
    },
    /** Moves the controller's time ahead. */
    pass(ms: number): void {
      offset += ms;
      path.apply({ t: 'heartbeat', n, time: Date.now() + offset } as StreamMessage, times());
    },
    /** The controller's time goes on and nothing is heard of it. */
    silence(ms: number): void {
      const { freshUntil } = times();
      offset += ms;
      path.apply({ t: 'heartbeat', n, time: 0 } as StreamMessage, { ...times(), freshUntil });
    },
    stop: () => path.stop(),
  };
}
export type TestPath = Awaited<ReturnType<typeof startDataPath>>;
