/**
 * What gateways and places outside keep of the log (P35). Each says it before it is shown anything, so that a database that was put back
 * or rewritten is found out here too: the log waits from then on, and who contradicted it is on record.
 */
import { type Clock, minute } from '#shared/base/clock.ts';
import type { Log } from '#shared/base/log.ts';
import type { CheckpointShown } from '#shared/contracts/gateway-to-controller.ts';
import type { HeldReason } from '#shared/contracts/log-shapes.ts';
import { nodesFromTiles } from '#shared/log/tiles.ts';
import { proveConsistency } from '#shared/log/tree-proofs.ts';
import { readLogKeys } from '../../authority/log-keys.ts';
import type { Db } from '../../store/open-store.ts';
import { appendRecord } from '../append-record.ts';
import type { LogKeeper } from '../log-keeper.ts';
import { type LogState, numberOf } from '../log-state.ts';
import { holdLog } from './hold-log.ts';
import { contradicts, type Judged, judgeKnown } from './judge-known.ts';

export interface KnownParts {
  readonly db: Db;
  readonly keeper: Pick<LogKeeper, 'state' | 'tiles'>;
  readonly clock: Clock;
  readonly log: Log;
}

/** What goes on as it did is written down once a minute. */
const writeMs = minute;
const mostRemembered = 256;
const mostOpened = 32;

/** Where a gateway stands among those that keep something. */
export const knownBy = (gateway: string): string => `gateway/${gateway}`;

export class KnownCheckpoints {
  readonly #parts: KnownParts;
  /** Many gateways keep the same checkpoint, and ask for the way to the same. */
  readonly #judged = new Map<string, Judged>();
  readonly #paths = new Map<string, string[]>();
  readonly #written = new Map<string, { readonly verdict: string; readonly at: number }>();

  constructor(parts: KnownParts) {
    this.#parts = parts;
  }

  /**
   * What a gateway that keeps `kept` of the log `origin` is shown. Nothing while a declared restore waits: what the backup holds would
   * look to it like a log that was cut. A tree that contradicts it is shown as it is: it has a right to find out.
   * Throws `proof-refused` when `kept` is no checkpoint.
   */
  async answer(source: string, origin: string, kept: string | undefined): Promise<CheckpointShown> {
    const told = await this.take(source, kept);
    const state = await this.#parts.keeper.state();
    const opened = await this.#openedSince(origin);
    const held = state.held === null ? {} : { held: state.held as HeldReason };
    const { checkpoint } = state;
    if (checkpoint === null || state.held === 'restored') return { path: [], opened, ...held };
    const path = told?.verdict === 'past' ? await this.#pathFrom(told.size, state) : [];
    return { checkpoint, path, opened, ...held };
  }

  /** Somebody keeps this checkpoint, or none. The log waits from now on when it does not go on from it. Throws as `answer`. */
  async take(source: string, kept: string | undefined): Promise<Judged | undefined> {
    const { keeper } = this.#parts;
    const state = await keeper.state();
    const judged = kept === undefined ? undefined : await this.#judge(state, kept);
    const isHeld = state.held !== null || (judged !== undefined && (await this.#contradicted(source, state, judged)));
    await this.#write(source, kept, judged, isHeld);
    return judged;
  }

  /** Another log was opened, or this one goes on. */
  forget(): void {
    this.#judged.clear();
    this.#written.clear();
  }

  async #judge(state: LogState, note: string): Promise<Judged> {
    const { db, keeper } = this.#parts;
    const place = `${state.number}\n${note}`;
    const before = this.#judged.get(place);
    if (before !== undefined) return before;
    const keys = (await readLogKeys(db)).map(({ key }) => key);
    const judged = await judgeKnown({ db, state, keys, tiles: keeper.tiles }, note);
    // These stay as they are; the rest depends on how far the log has come.
    if (judged.verdict === 'past' || judged.verdict === 'forked') remember(this.#judged, place, judged);
    return judged;
  }

  /** True when the log waits because of it. */
  async #contradicted(source: string, state: LogState, { verdict, origin, size, root }: Judged): Promise<boolean> {
    const { db, clock, log } = this.#parts;
    if (!contradicts(verdict)) return false;
    const known = { origin, size, root: root.toString('base64') };
    const own = { size: state.size, root: Buffer.from(state.root, 'hex').toString('base64') };
    const held = await db.transaction().execute(async (trx) => {
      if (!(await holdLog(trx, 'contradicted'))) return false;
      await appendRecord(trx, clock.now(), {
        kind: 'log',
        event: 'log-contradicted',
        details: { source, verdict, known, own },
      });
      return true;
    });
    if (held) {
      this.#written.clear();
      log.error(
        { source, known, own },
        'ALARM: the log does not go on from a checkpoint that it signed and that is kept elsewhere: records were removed or rewritten. Nothing is signed (posternctl log known)',
      );
    }
    return true;
  }

  async #write(source: string, note: string | undefined, judged: Judged | undefined, isHeld: boolean): Promise<void> {
    const { db, clock, log } = this.#parts;
    const { verdict = 'none', origin = '', size = 0 } = judged ?? {};
    const before = this.#written.get(source);
    const at = clock.now();
    if (!isHeld && before?.verdict === verdict && at - before.at < writeMs && at >= before.at) return;
    if (verdict === 'foreign' && before?.verdict !== verdict)
      log.warn({ source, origin, size }, 'a checkpoint is kept there that no key of this database signed');
    const row = { origin, size, note: note ?? null, verdict, at };
    await db
      .insertInto('log_known')
      .values({ source, ...row })
      .onConflict((conflict) => conflict.column('source').doUpdateSet(row))
      .execute();
    this.#written.set(source, { verdict, at });
  }

  async #pathFrom(from: number, { number, signed_size: to }: LogState): Promise<string[]> {
    const place = `${number} ${from} ${to}`;
    const before = this.#paths.get(place);
    if (before !== undefined) return before;
    const { tiles } = this.#parts.keeper;
    const node = nodesFromTiles((tile) => tiles.read(tile), to);
    const path = (await proveConsistency(from, to, node)).map((hash) => hash.toString('base64'));
    remember(this.#paths, place, path);
    return path;
  }

  async #openedSince(origin: string): Promise<string[]> {
    const rows = await this.#parts.db
      .selectFrom('log_opened')
      .select('note')
      .where('number', '>', numberOf(origin))
      .orderBy('number')
      .limit(mostOpened)
      .execute();
    return rows.map(({ note }) => note);
  }
}

function remember<T>(map: Map<string, T>, key: string, value: T): void {
  map.set(key, value);
  if (map.size > mostRemembered) map.delete(map.keys().next().value!);
}
