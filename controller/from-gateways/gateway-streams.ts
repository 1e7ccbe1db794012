/**
 * The streams to the gateways (P13). Each stream is a cursor into the change log: on every hint, and each 500 ms without
 * one, it sends what came after its number, in order. A gateway that is too slow to read is cut and comes back by number.
 */
import type { ServerResponse } from 'node:http';
import { type Clock, second } from '#shared/base/clock.ts';
import type { Log } from '#shared/base/log.ts';
import {
  type CheckOrder,
  heartbeatMs,
  type KnockKey,
  type StreamChange,
  type StreamMessage,
  staleAfterMs,
} from '#shared/contracts/gateway-to-controller.ts';
import { type NdjsonWriter, writeNdjson } from '#shared/wire/ndjson.ts';
import type { KnockSecrets } from '../authority/knock-secrets.ts';
import { type UnkeptCut, UnkeptCuts } from '../revocation/unkept-cuts.ts';
import { onChangeHint, readChange } from '../store/changes.ts';
import type { Db } from '../store/open-store.ts';
import { type KeySetAuthority, readSnapshot } from './gateway-state.ts';

export interface StreamParts {
  readonly db: Db;
  readonly clock: Clock;
  readonly log: Log;
  readonly authority: KeySetAuthority;
  readonly generation: string;
  readonly knocks: Pick<KnockSecrets, 'ofSessionAt'>;
}

/** Bytes that may wait for a slow gateway before its stream is cut: a snapshot, the longest line, and as much again. */
const maxWaiting = 32 * 1024 * 1024;
const lookMs = 500;
/** Its first snapshot starts a gateway's workers, which takes its time on a busy machine. */
const firstConfirmMs = 60 * second;

interface Stream {
  readonly gateway: string;
  readonly site: string;
  readonly jkt: string;
  readonly response: ServerResponse;
  readonly writer: NdjsonWriter;
  sent: number;
  /** The oldest number that it has not confirmed, and until when it must have (by `performance.now()`). */
  owed: { readonly n: number; readonly until: number } | undefined;
  sending: Promise<void> | undefined;
  again: boolean;
}

export interface StreamAsk {
  readonly gateway: string;
  readonly site: string;
  /** Thumbprint of the key in its handshake. */
  readonly jkt: string;
  readonly generation?: string | undefined;
  readonly after?: number | undefined;
}

export class GatewayStreams {
  /** Cuts that the disk did not take. */
  readonly unkept: UnkeptCuts;
  readonly #parts: StreamParts;
  readonly #streams = new Set<Stream>();
  readonly #timers: NodeJS.Timeout[];
  readonly #unhint: () => void;

  constructor(parts: StreamParts) {
    this.#parts = parts;
    this.unkept = new UnkeptCuts(parts.clock);
    this.#unhint = onChangeHint(() => this.#look());
    this.#timers = [setInterval(() => this.#look(), lookMs), setInterval(() => this.#beat(), heartbeatMs)];
  }

  /** Gateways with an open stream here. */
  connected(): ReadonlySet<string> {
    return new Set([...this.#streams].map((stream) => stream.gateway));
  }

  /** Where each of them dials from. */
  addressOf(gateway: string): string | undefined {
    const stream = [...this.#streams].find((one) => one.gateway === gateway);
    return stream?.response.socket?.remoteAddress;
  }

  /** An order outside the state. False when the gateway has no stream here. */
  order(gateway: string, order: CheckOrder): boolean {
    const stream = [...this.#streams].find((one) => one.gateway === gateway);
    stream?.writer.send(order);
    return stream !== undefined;
  }

  /** Tells gateways what could not be kept. Those that come later hear of it when they do. */
  cutUnkept(...asked: Parameters<UnkeptCuts['add']>): UnkeptCut {
    const cut = this.unkept.add(...asked);
    for (const stream of this.#streams) this.#tellUnkept(stream, cut.id);
    return cut;
  }

  #tellUnkept(stream: Stream, only?: string): void {
    for (const order of this.unkept.ordersFor(stream.site))
      if (only === undefined || order.id === only) write(stream, order);
  }

  /** Serves one gateway until its connection ends. A newer stream of the same gateway replaces the older. */
  async serve(response: ServerResponse, ask: StreamAsk): Promise<void> {
    const stream: Stream = {
      gateway: ask.gateway,
      site: ask.site,
      jkt: ask.jkt,
      response,
      writer: writeNdjson(response, { maxBuffered: maxWaiting }),
      sent: 0,
      owed: undefined,
      sending: undefined,
      again: false,
    };
    await this.#begin(stream, ask);
    this.cut(ask.gateway);
    this.#streams.add(stream);
    this.#tellUnkept(stream);
    this.#send(stream);
    await stream.writer.closed;
    this.#streams.delete(stream);
  }

  /** A gateway has put everything up to `through` in force. */
  confirmed(gateway: string, through: number): void {
    for (const stream of this.#streams) {
      if (stream.gateway !== gateway || stream.owed === undefined || through < stream.owed.n) continue;
      stream.owed = undefined;
      if (through < stream.sent) owe(stream, stream.sent, staleAfterMs);
    }
  }

  /** Ends the stream of a gateway: it was revoked, or is being replaced. */
  cut(gateway: string): void {
    for (const stream of this.#streams) if (stream.gateway === gateway) this.#drop(stream);
  }

  #drop(stream: Stream): void {
    this.#streams.delete(stream);
    stream.response.destroy();
  }

  stop(): void {
    this.#unhint();
    for (const timer of this.#timers) clearInterval(timer);
    for (const { gateway } of this.#streams) this.cut(gateway);
  }

  /** Goes on after the gateway's number when the log still holds all that follows it, else starts with a snapshot. */
  async #begin(stream: Stream, ask: StreamAsk): Promise<void> {
    const { db, clock, authority, generation } = this.#parts;
    const now = await readChange(db);
    if (
      ask.generation === generation &&
      ask.after !== undefined &&
      ask.after <= now &&
      (await this.#holds(ask.after))
    ) {
      stream.sent = ask.after;
      write(stream, { t: 'heartbeat', n: ask.after, time: clock.now() });
      return;
    }
    const snapshot = await readSnapshot(db, { site: stream.site, generation, at: clock.now(), authority });
    stream.sent = snapshot.n;
    owe(stream, snapshot.n, firstConfirmMs);
    const knockKeys = snapshot.knockKeys.map((key) => this.#withSecret(stream, key));
    write(stream, { ...snapshot, knockKeys });
  }

  /** `pruned_through` is the last number whose stream messages were removed from the log. */
  async #holds(after: number): Promise<boolean> {
    const row = await this.#parts.db
      .selectFrom('meta')
      .select('value')
      .where('key', '=', 'pruned_through')
      .executeTakeFirst();
    return after >= Number(row?.value ?? 0);
  }

  #look(): void {
    for (const stream of this.#streams) this.#send(stream);
  }

  #send(stream: Stream): void {
    if (stream.sending) {
      stream.again = true;
      return;
    }
    stream.sending = this.#sendChanges(stream)
      .catch((error: unknown) => {
        this.#parts.log.error({ err: error, gateway: stream.gateway }, 'could not read changes; the stream is cut');
        this.#drop(stream);
      })
      .finally(() => {
        stream.sending = undefined;
        if (stream.again) {
          stream.again = false;
          this.#send(stream);
        }
      });
  }

  async #sendChanges(stream: Stream): Promise<void> {
    const { db, clock } = this.#parts;
    if (!(await this.#isInService(stream))) return this.#drop(stream);
    const now = await readChange(db);
    if (now <= stream.sent) return;
    const rows = await db
      .selectFrom('changes')
      .select(['n', 'changes'])
      .where('n', '>', stream.sent)
      .where('n', '<=', now)
      .where((eb) => eb.or([eb('site', 'is', null), eb('site', '=', stream.site)]))
      .orderBy('n')
      .execute();
    for (const row of rows) {
      this.#change(stream, row.n, JSON.parse(row.changes) as StreamChange[], clock.now());
    }
    // Numbers that carry nothing for this site still move the gateway on: it confirms by number.
    if (stream.sent < now) this.#change(stream, now, [], clock.now());
  }

  /** It may have been revoked, or have joined again with another key, while this stream was being opened or since (P23). */
  async #isInService({ gateway, jkt }: Stream): Promise<boolean> {
    const row = await this.#parts.db
      .selectFrom('gateways')
      .select(['state', 'jkt'])
      .where('id', '=', gateway)
      .executeTakeFirst();
    return row?.state === 'active' && row.jkt === jkt;
  }

  /** P33: the store holds which key, and this gateway's own goes no further than its stream. */
  #withSecret({ gateway }: Stream, key: KnockKey): KnockKey {
    return { ...key, secret: this.#parts.knocks.ofSessionAt(key.id, gateway) };
  }

  #change(stream: Stream, n: number, stored: StreamChange[], time: number): void {
    const changes = stored.map((change) =>
      change.kind === 'knock-key' ? { ...change, key: this.#withSecret(stream, change.key) } : change,
    );
    write(stream, { t: 'change', after: stream.sent, n, time, changes });
    stream.sent = n;
    owe(stream, n, staleAfterMs);
  }

  /** One that reads but does not confirm, or does not even read, is not fresh: nothing waits for it (P20), no agent is sent to it. */
  #beat(): void {
    for (const stream of this.#streams) {
      if (stream.owed !== undefined && stream.owed.until < performance.now()) {
        this.#parts.log.warn(
          { gateway: stream.gateway, n: stream.owed.n },
          'a gateway does not confirm; its stream is cut',
        );
        this.#drop(stream);
        continue;
      }
      write(stream, { t: 'heartbeat', n: stream.sent, time: this.#parts.clock.now() });
    }
  }
}

function owe(stream: Stream, n: number, ms: number): void {
  stream.owed ??= { n, until: performance.now() + ms };
}

function write({ writer }: Stream, message: StreamMessage): void {
  writer.send(message);
}
