/**
 * The spool of one worker (P24): no record, no access. `open` resolves once its line stands in the file, and the first
 * byte goes to the app only then. All lines of one turn of the event loop are one write; the disk is flushed within 20 ms.
 */
import { closeSync, fdatasync, fsyncSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { Bag } from '#shared/base/bag.ts';
import { PosternError } from '#shared/base/errors.ts';
import type { Log } from '#shared/base/log.ts';
import type { AccessRecord } from '#shared/contracts/record.ts';
import type { OpenAccess, RecordSink } from '../record-sink.ts';
import { DenialMerger } from './merge-denials.ts';
import type { SpoolDirectory } from './spool-directory.ts';
import { encodeLine } from './spool-format.ts';

export interface SpoolOptions {
  readonly directory: SpoolDirectory;
  readonly log: Log;
  /** Bytes that all spools of the directory may hold before openings are refused. */
  readonly maxBytes: number;
  /** Bytes after which a new segment is begun, so that delivered ones can be removed. */
  readonly segmentBytes?: number;
  /** Told after each write: there is something to deliver. */
  readonly onWritten?: () => void;
  /** The first segment's id; the primary chooses it, so that it knows whose spool a dead worker left. */
  readonly spool?: string;
}

interface Waiting {
  readonly record: AccessRecord;
  /** What an opening or closing record opens or closes. */
  readonly access?: OpenAccess;
  /** Of an opening: who waits for it. */
  readonly settle?: { resolve(access: OpenAccess): void; reject(error: PosternError): void };
}

const flushMs = 20;
const retryMs = 1000;
/** Refusals may fill a quarter of the spool, so that a flood of them never stops those who are let in. */
const denialShare = 0.25;

export class SpoolWriter implements RecordSink {
  readonly #options: SpoolOptions;
  readonly #merger: DenialMerger;
  readonly #open = new Bag<OpenAccess>();
  readonly #denialBytes = new Map<string, number>();
  readonly #timer: NodeJS.Timeout;
  #spool: string;
  #fd: number;
  #length = 0;
  #seq = 0;
  #others = 0;
  #waiting: Waiting[] = [];
  #writePlanned = false;
  #stopped = false;
  #flush: NodeJS.Timeout | undefined;
  #retry: NodeJS.Timeout | undefined;

  constructor(options: SpoolOptions) {
    this.#options = options;
    this.#spool = options.spool ?? options.directory.newSpool();
    this.#fd = openSync(options.directory.file(this.#spool), 'ax', 0o600);
    this.#merger = new DenialMerger((record) => this.#add({ record }));
    this.#measure();
    this.#timer = setInterval(() => {
      this.#measure();
      // A disk that takes nothing gets no refusals to keep: they stay counted, so that a flood of them fills no memory.
      if (this.#retry === undefined) this.#merger.flush();
    }, 1000);
  }

  /** The segment now written to. */
  get spool(): string {
    return this.#spool;
  }

  open(opening: AccessRecord): Promise<OpenAccess> {
    if (this.#used >= this.#options.maxBytes) {
      return Promise.reject(new PosternError('record-failed', 'the spool is full: the controller takes no records'));
    }
    const access = { opening, place: -1 };
    return new Promise((resolve, reject) => this.#add({ record: opening, access, settle: { resolve, reject } }));
  }

  /** Closing and progress records: never refused; kept in memory while the disk takes none. */
  close(access: OpenAccess, record: AccessRecord): void {
    this.#add({ record, access });
  }

  refuse(record: AccessRecord): void {
    const denials = [...this.#denialBytes.values()].reduce((sum, bytes) => sum + bytes, 0);
    this.#merger.take(record, this.#retry === undefined && denials < this.#options.maxBytes * denialShare);
  }

  /** Writes what waits and closes the segment; an access that is still open is left for recovery to close. */
  stop(): void {
    this.#stopped = true;
    clearInterval(this.#timer);
    clearTimeout(this.#flush);
    clearTimeout(this.#retry);
    this.#merger.flush();
    this.#write();
    if (this.#open.size === 0 && this.#waiting.length === 0) writeSync(this.#fd, encodeLine({ left: true }));
    fsyncSync(this.#fd);
    closeSync(this.#fd);
  }

  get #used(): number {
    return this.#others + this.#length;
  }

  #measure(): void {
    const sizes = this.#options.directory.sizes();
    for (const spool of this.#denialBytes.keys()) if (!sizes.has(spool)) this.#denialBytes.delete(spool);
    sizes.delete(this.#spool);
    this.#others = [...sizes.values()].reduce((sum, size) => sum + size, 0);
  }

  #add(waiting: Waiting): void {
    this.#waiting.push(waiting);
    if (this.#writePlanned || this.#retry) return;
    this.#writePlanned = true;
    setImmediate(() => {
      this.#writePlanned = false;
      this.#write();
    });
  }

  #write(): void {
    const batch = this.#waiting;
    if (batch.length === 0) return;
    this.#waiting = [];
    let seq = this.#seq;
    const lines = batch.map(({ record }) => encodeLine({ seq: ++seq, record }));
    try {
      this.#append(lines.join(''));
    } catch (error) {
      this.#keepForLater(batch, error);
      return;
    }
    this.#seq = seq;
    for (const [index, waiting] of batch.entries()) this.#follow(waiting, lines[index]!.length);
    this.#planFlush();
    this.#options.onWritten?.();
    if (this.#length >= (this.#options.segmentBytes ?? 8 * 1024 * 1024)) this.#nextSegment();
  }

  /** Whole or not at all: a line torn by a full disk would hide every line after it. */
  #append(text: string): void {
    const length = Buffer.byteLength(text);
    try {
      // As text, which costs no buffer for each batch; the rest of a disk that takes only a part as bytes.
      let written = writeSync(this.#fd, text);
      if (written < length) {
        const bytes = Buffer.from(text);
        while (written < length) written += writeSync(this.#fd, bytes, written);
      }
    } catch (error) {
      ftruncateSync(this.#fd, this.#length);
      throw error;
    }
    this.#length += length;
  }

  /** Openings are refused at once; what tells of the past is written when the disk takes it again. */
  #keepForLater(batch: readonly Waiting[], error: unknown): void {
    this.#options.log.error({ err: error }, 'the spool cannot be written');
    for (const { settle } of batch)
      settle?.reject(new PosternError('record-failed', 'the spool cannot be written', { cause: error }));
    this.#waiting = [...batch.filter(({ settle }) => settle === undefined), ...this.#waiting];
    // The descriptor may be somebody else's by then.
    if (this.#stopped) return;
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      this.#write();
    }, retryMs);
  }

  #follow({ record, access, settle }: Waiting, length: number): void {
    if (access !== undefined && record.phase === 'opening') {
      this.#open.add(access);
      settle?.resolve(access);
    } else if (access !== undefined && record.phase === 'closing') {
      this.#open.delete(access);
    } else if (record.verdict === 'deny') {
      this.#denialBytes.set(this.#spool, (this.#denialBytes.get(this.#spool) ?? 0) + length);
    }
  }

  #planFlush(): void {
    this.#flush ??= setTimeout(() => {
      this.#flush = undefined;
      fdatasync(this.#fd, (error) => {
        if (error && error.code !== 'EBADF') this.#options.log.error({ err: error }, 'the spool cannot be flushed');
      });
    }, flushMs);
  }

  #nextSegment(): void {
    const { directory, log } = this.#options;
    const spool = directory.newSpool();
    try {
      const fd = openSync(directory.file(spool), 'ax', 0o600);
      const carried = this.#open
        .all()
        .map(({ opening }) => encodeLine({ carry: opening }))
        .join('');
      const left = { fd: this.#fd, length: this.#length };
      this.#fd = fd;
      this.#length = 0;
      this.#spool = spool;
      this.#seq = 0;
      if (carried !== '') this.#append(carried);
      writeSync(left.fd, encodeLine({ left: true }));
      closeSync(left.fd);
    } catch (error) {
      log.error({ err: error }, 'no new segment could be begun');
    }
  }
}
