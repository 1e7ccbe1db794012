/** The outside world as a probe sees it. Probes are pure over it, so they are tested on recorded answers. */
import type { OsName } from '#shared/contracts/posture.ts';

/** `denied` means that this user may not read it, so nothing is known; `missing` is an answer. */
export type Read<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly why: NoRead };
export type NoRead = 'missing' | 'denied' | 'failed';

export interface FileFacts {
  readonly kind: 'file' | 'directory' | 'other';
  readonly uid: number;
  /** Permission bits with the file type removed. */
  readonly mode: number;
  readonly mtimeMs: number;
  readonly size: number;
  /** For a block device: `major:minor`. */
  readonly device: string | undefined;
}

/** Output is always whole: a program that wrote more than is kept counts as `too-much`. */
export type Exec =
  | { readonly ran: true; readonly code: number; readonly stdout: string; readonly stderr: string }
  | { readonly ran: false; readonly why: 'missing' | 'timeout' | 'too-much' | 'failed' };

export interface Host {
  readonly os: OsName | 'unknown';
  /** Effective user id; undefined where the system has none (Windows). */
  readonly uid: number | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Milliseconds since the epoch by the device's own clock; only differences ever leave the device (P19). */
  now(): number;
  readFile(path: string): Promise<Read<Buffer>>;
  readdir(path: string): Promise<Read<string[]>>;
  /** Follows symbolic links. */
  stat(path: string): Promise<Read<FileFacts>>;
  /** The same without following a link in the last part. */
  lstat(path: string): Promise<Read<FileFacts>>;
  /** Runs a program by bare name (found on a fixed path) or absolute path, without a shell. */
  exec(file: string, args: readonly string[], timeoutMs?: number): Promise<Exec>;
  /**
   * Since when each of `items` may have been there: the last look at `topic` that did not see it (ms, `now()`), or
   * undefined if it was there at the very first look. Items no longer named are forgotten.
   */
  firstSeen(topic: string, items: readonly string[]): Promise<ReadonlyMap<string, number | undefined>>;
  /** Development only: a file whose facts stand in for measured ones (`posturedHost`). */
  readonly factsFile?: string;
}

/** A text file without its surrounding white space, or undefined if it cannot be read for whatever reason. */
export async function readText(host: Host, path: string): Promise<string | undefined> {
  const read = await host.readFile(path);
  return read.ok ? read.value.toString('utf8').trim() : undefined;
}

/** Standard output of a run that ended with 0, else undefined. */
export async function outputOf(host: Host, file: string, args: readonly string[]): Promise<string | undefined> {
  const run = await host.exec(file, args);
  return run.ran && run.code === 0 ? run.stdout : undefined;
}

/** Why a run gave nothing to judge, as a detail for people. */
export function whyNot(file: string, run: Exec): string {
  if (run.ran) return `${file} ended with ${run.code}`;
  if (run.why === 'missing') return `${file} is not installed`;
  return run.why === 'timeout' ? `${file} took too long` : `${file} could not be run`;
}
