/**
 * Events to agents (`GET /v1/events`). What any controller did reaches them all, because it is read from the store: the
 * hub follows the change counter and tells a device what concerns it. An event is a hint; the agent asks for the rest.
 */
import type { ServerResponse } from 'node:http';
import type { Clock } from '#shared/base/clock.ts';
import type { Log } from '#shared/base/log.ts';
import type { AgentEvent, DeviceState } from '#shared/contracts/agent-to-controller.ts';
import { type SseWriter, writeSse } from '#shared/wire/sse.ts';
import { onChangeHint, readChange } from '../store/changes.ts';
import type { Db } from '../store/open-store.ts';

interface Listener {
  readonly response: ServerResponse;
  readonly writer: SseWriter;
}

const lookMs = 500;
/** Milliseconds for each connected agent: at most 500 of them a second come and ask. */
const appsSpreadMs = 2;
/** Keeps proxies and the agent's own silence timer content. */
const beatMs = 20_000;

export class AgentEvents {
  readonly #db: Db;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #listeners = new Map<string, Listener>();
  readonly #states = new Map<string, string>();
  /** Devices that are about to hear that their apps may have changed. */
  readonly #told = new Map<string, NodeJS.Timeout>();
  readonly #timers: NodeJS.Timeout[];
  readonly #unhint: () => void;
  #seen = -1;
  #looking = false;

  constructor({ db, clock, log }: { readonly db: Db; readonly clock: Clock; readonly log: Log }) {
    this.#db = db;
    this.#clock = clock;
    this.#log = log;
    this.#unhint = onChangeHint(() => this.#look());
    this.#timers = [setInterval(() => this.#look(), lookMs), setInterval(() => this.#beat(), beatMs)];
  }

  /** Serves one device until its connection ends; a newer connection of the same device replaces the older. */
  async serve(response: ServerResponse, device: string): Promise<void> {
    // Bounded: an agent that does not read is cut, and comes back.
    const listener = { response, writer: writeSse(response) };
    this.#listeners.get(device)?.response.destroy();
    this.#listeners.set(device, listener);
    listener.writer.send({ type: 'hello', time: this.#clock.now() } satisfies AgentEvent);
    await listener.writer.closed;
    if (this.#listeners.get(device) === listener) this.#listeners.delete(device);
  }

  /** Devices that are connected here. */
  connected(): ReadonlySet<string> {
    return new Set(this.#listeners.keys());
  }

  notify(device: string, event: AgentEvent): void {
    this.#listeners.get(device)?.writer.send(event);
  }

  stop(): void {
    this.#unhint();
    for (const timer of this.#timers) clearInterval(timer);
    for (const timer of this.#told.values()) clearTimeout(timer);
    for (const { response } of this.#listeners.values()) response.destroy();
    this.#listeners.clear();
  }

  #look(): void {
    if (this.#looking) return;
    this.#looking = true;
    this.#follow()
      .catch((error: unknown) => this.#log.error({ err: error }, 'could not follow changes for agents'))
      .finally(() => {
        this.#looking = false;
      });
  }

  async #follow(): Promise<void> {
    const now = await readChange(this.#db);
    const from = this.#seen;
    this.#seen = now;
    if (from < 0 || now <= from || this.#listeners.size === 0) return;
    await this.#tellSessions(from);
    await this.#tellDevices();
    // Anything a grant rests on may have changed: the agent asks again for what it may use.
    this.#tellApps();
  }

  async #tellSessions(from: number): Promise<void> {
    const ended = await this.#db
      .selectFrom('sessions')
      .innerJoin('revocations', (join) =>
        join.on((eb) =>
          eb.or([
            eb.and([eb('revocations.kind', '=', 'session'), eb('revocations.id', '=', eb.ref('sessions.id'))]),
            eb.and([eb('revocations.kind', '=', 'person'), eb('revocations.id', '=', eb.ref('sessions.person_id'))]),
            eb.and([eb('revocations.kind', '=', 'device'), eb('revocations.id', '=', eb.ref('sessions.device_id'))]),
          ]),
        ),
      )
      .select(['sessions.id', 'sessions.device_id', 'sessions.ended_because'])
      .where('revocations.n', '>', from)
      .where('sessions.state', '=', 'ended')
      .execute();
    for (const row of ended) {
      this.notify(row.device_id, { type: 'session-ended', session: row.id, reason: row.ended_because ?? 'ended' });
    }
  }

  /** Spread, so that a change in a large fleet is not answered by everybody in the same instant. */
  #tellApps(): void {
    const spreadMs = this.#listeners.size * appsSpreadMs;
    for (const device of this.#listeners.keys()) {
      if (this.#told.has(device)) continue;
      const timer = setTimeout(() => {
        this.#told.delete(device);
        this.notify(device, { type: 'apps-changed' });
      }, Math.random() * spreadMs);
      this.#told.set(device, timer);
    }
  }

  async #tellDevices(): Promise<void> {
    const devices = [...this.#listeners.keys()];
    const rows = await this.#db.selectFrom('devices').select(['id', 'state']).where('id', 'in', devices).execute();
    for (const { id, state } of rows) {
      const before = this.#states.get(id);
      this.#states.set(id, state);
      if (before !== undefined && before !== state)
        this.notify(id, { type: 'device-changed', state: state as DeviceState });
    }
    // P17: a suspended device, or one of a suspended person, hears this and then nothing more.
    const ids = devices.map((id) => `device/${id}`);
    const denied = await this.#db.selectFrom('denied').select('id').where('id', 'in', ids).execute();
    for (const { id } of denied) this.#listeners.get(id.slice('device/'.length))?.writer.end();
  }

  #beat(): void {
    for (const { writer } of this.#listeners.values()) writer.beat();
  }
}
