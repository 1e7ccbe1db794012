/**
 * The spool of one worker (P24): no record, no access. An access is open once its line stands in the
 * file, and the first byte goes to the app only then. All lines of one turn of the event loop are one write; the disk is flushed within 20 ms.
 */
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { Bag } from '#shared/base/bag.ts';
import { PosternError } from '#shared/base/errors.ts';
import type { Log } from '#shared/base/log.ts';
import type { AccessRecord } from '#shared/contracts/record.ts';
import {
  type Later,
  type OpenAccess,
  type Opening,
  openingJson,
  type RecordSink,
  type SpoolPause,
} from '../record-sink.ts';
import { SaidParts } from './alike-openings.ts';
import { laterJson } from './later-record.ts';
import { LeftSegments } from './left-segments.ts';
import { DenialMerger } from './merge-denials.ts';
import { SegmentFile } from './segment-file.ts';
import type { SpoolDirectory } from './spool-directory.ts';
import { SpoolFlush } from './spool-flush.ts';
import { alikeEntry, carryLine, numberedEntry } from './spool-format.ts';
import { Lines } from './spool-lines.ts';
import { type SpoolLimits, SpoolRoom } from './spool-room.ts';
import { countEntries } from './spool-scan.ts';

export interface SpoolOptions extends SpoolLimits {
  readonly directory: SpoolDirectory;
  readonly log: Log;
  /** Bytes after which a new segment is begun, so that delivered ones can be removed. */
  readonly segmentBytes?: number;
  /** Told after each write: there is something to deliver. */
  readonly onWritten?: () => void;
  /** The first segment's id; the primary chooses it, so that it knows whose spool a dead worker left. */
  readonly spool?: string;
}

type Waiting =
  /** `opening`: who waits for it. */
  | { readonly what: 'opening'; readonly access: OpenAccess; readonly opening: Opening }
  | { readonly what: 'progress' | 'closing'; readonly access: OpenAccess; readonly json: string }
  | { readonly what: 'denial' | 'single'; readonly json: string };

const retryMs = 1000;

export class SpoolWriter implements RecordSink {
  readonly #options: SpoolOptions;
  readonly #merger: DenialMerger;
  readonly #open = new Bag<OpenAccess>();
  readonly #room: SpoolRoom;
  readonly #left: LeftSegments;
  readonly #said = new SaidParts();
  readonly #lines = new Lines();
  readonly #flush: SpoolFlush;
  readonly #timer: NodeJS.Timeout;
  #spool: string;
  #file: SegmentFile;
  #seq = 0;
  #denials = 0;
  #refusing: string | undefined;
  #paused: { readonly why: string; readonly since: number } | undefined;
  #tellPause: ((pause: SpoolPause) => AccessRecord) | undefined;
  #waiting: Waiting[] = [];
  #writePlanned = false;
  #stopped = false;
  #retry: NodeJS.Timeout | undefined;

  constructor(options: SpoolOptions) {
    this.#options = options;
    this.#spool = options.spool ?? options.directory.newSpool();
    this.#file = new SegmentFile(openSync(options.directory.file(this.#spool), 'ax', 0o600), 0, options.log);
    this.#merger = new DenialMerger((record) => this.tell(record));
    this.#left = new LeftSegments(options.log);
    this.#flush = new SpoolFlush(options.log, () => this.#file.fd);
    this.#room = new SpoolRoom(options.directory, options);
    this.#room.measure(this.#spool);
    this.#timer = setInterval(() => {
      this.#measure();
      // A disk that takes nothing gets no refusals to keep: they stay counted, so that a flood of them fills no memory.
      if (this.#retry === undefined) this.#merger.flush(this.#room.takesDenials());
    }, 1000);
  }

  /** The segment now written to. */
  get spool(): string {
    return this.#spool;
  }

  open(access: OpenAccess, opening: Opening): void {
    const why = this.#refusal();
    if (why !== undefined) opening.onUnopened(new PosternError('record-failed', why));
    else this.#add({ what: 'opening', access, opening });
  }

  /** Closing and progress records: never refused; kept in memory while the disk takes none. */
  tellLater(access: OpenAccess, later: Later): void {
    this.#add({ what: later.phase, access, json: laterJson(later) });
  }

  /** What stands alone, as what a gateway tells of itself: never refused either. */
  tell(record: AccessRecord): void {
    this.#add({ what: record.verdict === 'deny' ? 'denial' : 'single', json: JSON.stringify(record) });
  }

  /** `tell` makes the record of a time in which no opening could be written, once it is over. */
  onPause(tell: (pause: SpoolPause) => AccessRecord): void {
    this.#tellPause = tell;
  }

  refuse(record: AccessRecord): void {
    this.#merger.take(record, this.#retry === undefined && this.#room.takesDenials());
  }

  /** Writes what waits and closes the segment; an access that is still open is left for recovery to close. What comes later is not taken. */
  stop(): void {
    clearInterval(this.#timer);
    this.#flush.stop();
    clearTimeout(this.#retry);
    this.#merger.flush();
    this.#stopped = true;
    this.#write();
    if (this.#waiting.length === 0 && this.#open.size === 0) this.#leave();
    else closeSync(this.#file.fd);
    this.#left.stop();
  }

  #measure(): void {
    const { log } = this.#options;
    this.#left.mark();
    try {
      this.#room.measure(this.#spool);
    } catch (error) {
      log.error({ err: error }, 'the spools cannot be measured');
    }
    // Where nothing is opened nothing is written, and so nothing else would try.
    if (this.#flush.refusal !== undefined) this.#flush.plan();
    const why = this.#flush.refusal ?? this.#room.refusal(this.#file.length);
    if (why !== undefined && this.#refusing === undefined)
      log.error({ why }, 'no access is given: it cannot be recorded');
    if (why === undefined && this.#refusing !== undefined) log.info('accesses can be recorded again');
    this.#refusing = why;
    if (why !== undefined) this.#pauses(why);
    else if (this.#retry === undefined) this.#goesOn();
  }

  #pauses(why: string): void {
    this.#paused ??= { why, since: performance.now() };
  }

  #goesOn(): void {
    if (this.#paused === undefined) return;
    const { why, since } = this.#paused;
    this.#paused = undefined;
    if (this.#tellPause) this.tell(this.#tellPause({ why, ms: Math.round(performance.now() - since) }));
  }

  #refusal(): string | undefined {
    if (this.#stopped) return 'the spool is closed';
    if (this.#retry !== undefined) return 'the spool could not be written just now';
    return this.#flush.refusal ?? this.#room.refusal(this.#file.length);
  }

  #add(waiting: Waiting): void {
    // The descriptor may be somebody else's by then.
    if (this.#stopped) return;
    this.#waiting.push(waiting);
    if (this.#writePlanned || this.#retry) return;
    this.#writePlanned = true;
    setImmediate(() => {
      this.#writePlanned = false;
      if (!this.#stopped) this.#write();
    });
  }

  #write(): void {
    const batch = this.#waiting;
    if (batch.length === 0) return;
    this.#waiting = [];
    let seq = this.#seq;
    for (const waiting of batch) this.#lines.add(this.#entry(++seq, waiting));
    const bytes = this.#lines.end();
    const { taken: length, error } = this.#file.append(bytes);
    const isWhole = length === bytes.length;
    const taken = isWhole ? batch : batch.slice(0, countEntries(bytes.subarray(0, length)));
    if (!isWhole) {
      this.#said.forget();
      this.#keepForLater(batch.slice(taken.length), error);
    }
    if (taken.length === 0) return;
    this.#seq += taken.length;
    for (const waiting of taken) this.#follow(waiting);
    this.#flush.plan();
    this.#options.onWritten?.();
    if (isWhole && this.#file.length >= (this.#options.segmentBytes ?? 8 * 1024 * 1024)) this.#nextSegment();
    for (const waiting of taken) if (waiting.what === 'opening') waiting.opening.onOpened();
  }

  #entry(seq: number, waiting: Waiting): string {
    if (waiting.what !== 'opening') return numberedEntry(seq, 'access' in waiting ? 'later' : 'record', waiting.json);
    const { access } = waiting;
    const like = this.#said.like(seq, access.same);
    return like === undefined ? numberedEntry(seq, 'record', openingJson(access)) : alikeEntry(seq, like, access.own);
  }

  /** Openings are refused at once; what tells of the past is written when the disk takes it again. */
  #keepForLater(batch: readonly Waiting[], error: unknown): void {
    this.#options.log.error({ err: error }, 'the spool cannot be written');
    this.#pauses('the spool could not be written');
    this.#waiting = [...batch.filter(({ what }) => what !== 'opening'), ...this.#waiting];
    // Before anybody is told: what they then say is not to be written at once.
    if (!this.#stopped) this.#retry = setTimeout(() => this.#tryAgain(), retryMs);
    const cause = new PosternError('record-failed', 'the spool cannot be written', { cause: error });
    for (const waiting of batch) if (waiting.what === 'opening') waiting.opening.onUnopened(cause);
  }

  #tryAgain(): void {
    this.#retry = undefined;
    this.#write();
  }

  #follow(waiting: Waiting): void {
    const { what } = waiting;
    if (what === 'opening') this.#open.add(waiting.access);
    else if (what === 'closing') this.#open.delete(waiting.access);
    else if (what === 'denial') {
      const { length } = waiting.json;
      this.#denials += length;
      this.#room.countDenial(this.#spool, length);
    }
  }

  /** The new segment is whole before the old one is left: a crash in between shows each access in both, and recovery joins them. */
  #nextSegment(): void {
    const { directory, log } = this.#options;
    const spool = directory.nextSegment(this.#spool);
    const open = this.#open.all().map((access) => carryLine(openingJson(access)));
    const carried = Buffer.from(open.join(''));
    let fd: number | undefined;
    try {
      fd = openSync(directory.file(spool), 'ax', 0o600);
      let written = 0;
      while (written < carried.length) written += writeSync(fd, carried, written);
    } catch (error) {
      log.error({ err: error }, 'no new segment could be begun');
      if (fd === undefined) return;
      closeSync(fd);
      rmSync(directory.file(spool), { force: true });
      return;
    }
    this.#leave();
    this.#file = new SegmentFile(fd, carried.length, log);
    this.#spool = spool;
    this.#seq = 0;
    this.#denials = 0;
    this.#said.forget();
    this.#left.mark();
  }

  #leave(): void {
    this.#left.add({ fd: this.#file.fd, length: this.#file.length, denials: this.#denials, last: this.#seq });
  }
}
