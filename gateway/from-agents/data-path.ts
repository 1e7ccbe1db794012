/**
 * The enforcing half of a gateway, one in each worker (or in the one process): holds the snapshot, takes messages in, and
 * carries requests under it. Everything a message takes back is cut before `apply` returns (P16).
 */
import type { Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Clock } from '#shared/base/clock.ts';
import type { Log } from '#shared/base/log.ts';
import { spiffeId } from '#shared/crypto/spiffe.ts';
import type { Guard } from '#shared/wire/admit-peer.ts';
import type { RefusalSample } from '#shared/wire/doors/knock-counts.ts';
import type { LetIns } from '#shared/wire/doors/let-ins.ts';
import { OpenPort } from '#shared/wire/doors/open-port.ts';
import { PreludeDoor } from '#shared/wire/doors/prelude-door.ts';
import type { ReplayMemory } from '#shared/wire/doors/replay-memory.ts';
import { listenTcp } from '#shared/wire/listen.ts';
import { type OwnCertificate, serverTlsOptions, swapTls } from '#shared/wire/mutual-tls.ts';
import { PassOn } from '#shared/wire/one-port/pass-on.ts';
import { connectionsSocket } from '#shared/wire/one-port/share-place.ts';
import { GrantCache } from '../grants/grant-cache.ts';
import { LiveTable } from '../grants/live-table.ts';
import { type Renewal, renewStreams } from '../grants/renew-streams.ts';
import type { UsedGrants } from '../grants/used-grants.ts';
import type { GatewayKeys } from '../keystore/key-files.ts';
import { Counters, type Counts } from '../metrics/counters.ts';
import type { RecordSink } from '../record-sink.ts';
import type { GatewayIdentity } from '../state/snapshot.ts';
import { type ControllerTimes, StateKeeper } from '../state/state-keeper.ts';
import type { StreamMessage } from '../state/stream-types.ts';
import { IdentityMinter } from '../to-apps/identity-assertion.ts';
import { UpstreamPools } from '../to-apps/upstream-pools.ts';
import { handshakeRecord, knockRecord, pauseRecord, recordIds } from './access-records.ts';
import { AppUsage } from './app-usage.ts';
import { cutTakenBack } from './cut-taken-back.ts';
import type { DataParts } from './data-parts.ts';
import { GatewayDoor } from './gateway-door.ts';
import { handleConnect } from './handle-connect.ts';
import { handleRequest, handleUpgrade } from './handle-request.ts';
import { createMutualServer } from './mutual-server.ts';

export interface DataPathOptions {
  readonly identity: GatewayIdentity;
  readonly keys: GatewayKeys;
  readonly own: Pick<OwnCertificate, 'certificate' | 'chain'>;
  readonly listen: { readonly host: string; readonly port: number };
  /** With the prelude door alone; 0 for none. */
  readonly preludePort: number;
  /** Directory of the sockets by which the controller of this host has that port too. */
  readonly shareDir?: string | undefined;
  /** How many processes share the limits of apps. */
  readonly workers: number;
  readonly clock: Clock;
  readonly log: Log;
  readonly records: RecordSink;
  readonly used: UsedGrants;
  /** The snapshot to begin with. */
  readonly first: StreamMessage;
  readonly times: ControllerTimes;
  /** Renews streams in the other workers too; this one alone unless told. */
  readonly renewEverywhere?: DataParts['renew'];
  readonly onUnknownKey: () => void;
  /** Of a gateway with a prelude door: what remembers knocks (P25). */
  readonly knocks?: ReplayMemory | undefined;
  /** Who was let in by the kernel door. */
  readonly letIns: LetIns;
}

/** How often streams at the end of their grace are looked for; a cut comes at most this much early, never late (P15). */
const tickMs = 250;

export class DataPath {
  readonly #options: DataPathOptions;
  readonly #keeper: StateKeeper;
  readonly #parts: DataParts;
  readonly #server: Server;
  readonly #guard: Guard;
  readonly #destroyAll: () => void;
  readonly #door: GatewayDoor | undefined;
  readonly #open: OpenPort | undefined;
  readonly #passOn: PassOn | undefined;
  #own: Pick<OwnCertificate, 'certificate' | 'chain'>;
  #ticker: NodeJS.Timeout | undefined;

  constructor(options: DataPathOptions) {
    this.#options = options;
    this.#own = options.own;
    const { identity, keys, log, records, used, clock } = options;
    this.#keeper = new StateKeeper(identity, clock);
    this.#keeper.apply(options.first, options.times);
    used.serveFrom(this.#keeper.time());
    const issuer = spiffeId(identity.trustDomain, 'gateway', identity.gateway);
    this.#parts = {
      state: () => this.#keeper.snapshot,
      time: () => this.#keeper.time(),
      grants: new GrantCache(),
      live: new LiveTable(),
      usage: new AppUsage(options.workers),
      records,
      used,
      pools: new UpstreamPools(log, keys.forApps),
      identity: new IdentityMinter(issuer, keys.identity),
      counters: new Counters(),
      recordId: recordIds(),
      log,
      renew: options.renewEverywhere ?? (async (texts, peer) => this.renew(texts, peer)),
      onUnknownKey: options.onUnknownKey,
    };
    const parts = this.#parts;
    records.onPause?.((pause) =>
      pauseRecord({ ...pause, id: parts.recordId(), gateway: identity.gateway, at: parts.time() }),
    );
    this.#door = options.knocks && this.#openDoor(options.knocks);
    const { shareDir } = options;
    this.#passOn = shareDir === undefined ? undefined : new PassOn(connectionsSocket(shareDir));
    const prelude = this.#door && new PreludeDoor({ judge: this.#door.judge, passOn: this.#passOn });
    this.#open = prelude && options.preludePort !== 0 ? new OpenPort(prelude) : undefined;
    const made = createMutualServer({
      tls: this.#tls(),
      trustDomain: identity.trustDomain,
      clock: { now: parts.time },
      denied: (id) => parts.state().denied.has(id),
      counters: parts.counters,
      door: prelude,
      letIns: options.letIns,
      onRefused: (reason, address, detail) => {
        const id = parts.recordId();
        const at = parts.time();
        records.refuse(handshakeRecord({ id, reason, detail, address, gateway: identity.gateway, at }));
      },
      onRequest: (req, res, expects) => handleRequest(parts, req, res, expects),
      onUpgrade: (req, socket, head) => handleUpgrade(parts, req, socket, head),
      onConnect: (req, socket, head) => handleConnect(parts, req, socket, head),
    });
    this.#server = made.server;
    this.#guard = made.guard;
    this.#destroyAll = made.destroyAll;
  }

  async start(): Promise<AddressInfo> {
    const { listen, preludePort } = this.#options;
    const address = await listenTcp(this.#server, listen);
    await this.#open?.listen({ host: listen.host, port: preludePort });
    this.#ticker = setInterval(() => this.#parts.live.tick(this.#keeper.time() + tickMs), tickMs).unref();
    return address;
  }

  /** Swaps the snapshot and cuts what it takes back; returns how many. Throws, and changes nothing, for a bad message. */
  apply(message: StreamMessage, times: ControllerTimes): number {
    const before = this.#keeper.snapshot;
    this.#keeper.apply(message, times);
    const after = this.#keeper.snapshot;
    if (message.t === 'heartbeat') return 0;
    const { live, pools, counters } = this.#parts;
    const cut = cutTakenBack(live, before, after);
    if (before.denied !== after.denied) this.#guard.cut(({ name }) => after.denied.has(name));
    if (before.bundle !== after.bundle) this.#swapBundle(before.bundle, after.bundle);
    this.#door?.follow(after.knockKeys);
    if (before.apps !== after.apps) pools.keepOnly(after.apps);
    counters.add('streams_cut', '', cut);
    return cut;
  }

  /** P15, in this process. */
  renew(texts: readonly string[], peer: { readonly id: string; readonly jkt: string }): Renewal {
    const { grants, live } = this.#parts;
    return renewStreams(texts, peer, { grants, live, state: this.#keeper.snapshot, at: this.#keeper.time() });
  }

  /** Of a knock that was refused, here or by UDP. */
  recordKnock(sample: RefusalSample): void {
    const { identity, log, records } = this.#options;
    const { time, recordId } = this.#parts;
    log.info(sample, 'a knock was refused');
    records.refuse(knockRecord({ ...sample, id: recordId(), gateway: identity.gateway, at: time() }));
  }

  /** A renewed certificate: new handshakes use it. */
  setCertificate(own: Pick<OwnCertificate, 'certificate' | 'chain'>): void {
    this.#own = own;
    swapTls(this.#server, serverTlsOptions(this.#tls()));
  }

  counts(): Counts {
    return { ...this.#parts.counters.read(), ...this.#door?.counts(), 'live|': this.#parts.live.size };
  }

  /** Ends what is running and resolves when each has its closing record. */
  async stop(): Promise<void> {
    clearInterval(this.#ticker);
    this.#open?.stop();
    this.#passOn?.stop();
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#parts.live.cutWhere('unavailable', () => true);
    await this.#parts.live.whenEmpty();
    this.#destroyAll();
    await closed;
    await this.#parts.pools.stop();
  }

  #openDoor(memory: ReplayMemory): GatewayDoor {
    const { log } = this.#options;
    const clock = { now: this.#parts.time };
    const onRefused = (sample: RefusalSample) => this.recordKnock(sample);
    const door = new GatewayDoor({ memory, clock, log, onRefused, passesOn: this.#options.shareDir !== undefined });
    door.follow(this.#keeper.snapshot.knockKeys);
    return door;
  }

  #tls() {
    const { keys } = this.#options;
    return { ...this.#own, key: keys.tls.privateKey, bundle: this.#keeper.snapshot.bundle, mutual: true };
  }

  #swapBundle(before: readonly string[], after: readonly string[]): void {
    swapTls(this.#server, serverTlsOptions(this.#tls()));
    // A root was withdrawn: whoever came in by it must prove itself again.
    if (before.some((root) => !after.includes(root))) this.#destroyAll();
  }
}
