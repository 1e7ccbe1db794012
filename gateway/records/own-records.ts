/**
 * What a gateway tells of itself: that it started, that it ended in order or, at the next start, that it did not, and what became of knocks. In a
 * spool of its own, which the primary writes, delivered as all spools are.
 */
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { newTrace, randomId } from '#shared/base/bytes.ts';
import { minute } from '#shared/base/clock.ts';
import type { Log } from '#shared/base/log.ts';
import type { AccessRecord } from '#shared/contracts/record.ts';
import type { RecordEvent } from '#shared/contracts/record-events.ts';
import { KnockTotals } from '#shared/wire/doors/knock-totals.ts';
import type { SpoolDirectory } from './spool-directory.ts';
import { SpoolWriter } from './spool-writer.ts';

export interface OwnRecordsParts {
  readonly gateway: string;
  /** Where it is remembered that this gateway runs. */
  readonly dir: string;
  readonly directory: SpoolDirectory;
  readonly maxBytes: number;
  /** Controller time, which is known once agents are served. */
  readonly time: () => number;
  readonly knocks: () => Promise<Readonly<Record<string, number>>>;
  readonly log: Log;
}

const knocksMs = 5 * minute;

export class OwnRecords {
  readonly #parts: OwnRecordsParts;
  readonly #file: string;
  readonly #knocks = new KnockTotals();
  #writer: SpoolWriter | undefined;
  #timers: NodeJS.Timeout[] = [];
  #startedAt = 0;

  constructor(parts: OwnRecordsParts) {
    this.#parts = parts;
    this.#file = join(parts.dir, 'running');
  }

  /** Agents are served. */
  begin(): void {
    const { directory, log, maxBytes, time } = this.#parts;
    this.#writer = new SpoolWriter({ directory, log, maxBytes });
    this.#startedAt = time();
    const former = readFormer(this.#file);
    if (former !== undefined) this.#tell('ended-unclean', former);
    this.#tell('started');
    this.#seen();
    this.#timers = [
      setInterval(() => this.#seen(), minute).unref(),
      setInterval(() => void this.tellKnocks(), knocksMs).unref(),
    ];
  }

  async tellKnocks(): Promise<void> {
    const { knocks, log } = this.#parts;
    try {
      const details = this.#knocks.since(await knocks());
      if (details !== undefined) this.#tell('knocks', details);
    } catch (error) {
      log.error({ err: error }, 'knocks could not be counted');
    }
  }

  stop(): void {
    for (const timer of this.#timers) clearInterval(timer);
    if (this.#writer === undefined) return;
    this.#tell('stopped', { startedAt: this.#startedAt });
    this.#writer.stop();
    rmSync(this.#file, { force: true });
  }

  /** What another part of this process has found out. Nothing before `begin`. */
  tell(event: RecordEvent<'gateway'>, details: Record<string, unknown>): void {
    this.#tell(event, details);
  }

  #tell(event: RecordEvent<'gateway'>, details?: Record<string, unknown>): void {
    const { gateway, time } = this.#parts;
    const record: AccessRecord = {
      id: `rec_${randomId(20)}`,
      time: time(),
      kind: 'gateway',
      event,
      phase: 'single',
      trace: newTrace(),
      verdict: 'none',
      reasons: [],
      gateway,
      ...(details === undefined ? {} : { details }),
    };
    this.#writer?.tell(record);
  }

  #seen(): void {
    const { log, time } = this.#parts;
    try {
      writeFileSync(`${this.#file}.new`, JSON.stringify({ startedAt: this.#startedAt, seenAt: time() }), {
        mode: 0o600,
      });
      renameSync(`${this.#file}.new`, this.#file);
    } catch (error) {
      log.error({ err: error }, 'it could not be noted that this gateway runs');
    }
  }
}

/** Nothing where the former gateway ended in order; what cannot be read, a power cut may have left so, tells at least that it did not. */
function readFormer(file: string): Record<string, unknown> | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return {};
  }
}
