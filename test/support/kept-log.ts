/** A log that keeps what it is told, from `info` on. */
import { pino } from 'pino';
import type { Log } from '#shared/base/log.ts';

export function keepLog(): { readonly log: Log; readonly lines: Record<string, unknown>[] } {
  const lines: Record<string, unknown>[] = [];
  const write = (line: string) => void lines.push(JSON.parse(line));
  return { lines, log: pino({ base: undefined, timestamp: false }, { write }) };
}
