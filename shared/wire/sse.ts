/** Server-sent events (WHATWG HTML section 9.2), both ends. */
import type { ServerResponse } from 'node:http';
import { PosternError } from '../base/errors.ts';
import { readLines } from './read-lines.ts';
import { type StreamWriter, writeStream } from './write-stream.ts';

export interface SseEvent {
  /** `message` unless the event named itself. */
  readonly event: string;
  readonly data: string;
  /** The last id seen on this stream. */
  readonly id: string;
}

const maxLineUsual = 256 * 1024;

/** Events in order; comments keep the stream alive and are not told. `\r\n` is read as `\n`; a lone `\r` ends no line here. */
export async function* readSse(
  bytes: AsyncIterable<Buffer>,
  { maxLine = maxLineUsual }: { readonly maxLine?: number } = {},
): AsyncGenerator<SseEvent> {
  let event = '';
  let data: string[] = [];
  let size = 0;
  let id = '';
  for await (const raw of readLines(bytes, maxLine)) {
    const line = raw.endsWith('\r') ? raw.slice(0, -1) : raw;
    if (line === '') {
      if (data.length > 0) yield { event: event || 'message', data: data.join('\n'), id };
      event = '';
      data = [];
      size = 0;
      continue;
    }
    const colon = line.indexOf(':');
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (name === 'data') {
      size += value.length + 1;
      if (size > maxLine) throw new PosternError('bad-answer', `an event is longer than ${maxLine} bytes`);
      data.push(value);
    } else if (name === 'event') event = value;
    else if (name === 'id' && !value.includes('\0')) id = value;
  }
}

/** The `data` of every event as JSON: for `openLongChannel`. Throws `bad-answer` for what is no JSON. */
export async function* readSseJson(bytes: AsyncIterable<Buffer>): AsyncGenerator<unknown> {
  for await (const { data } of readSse(bytes)) {
    let value: unknown;
    try {
      value = JSON.parse(data);
    } catch (cause) {
      throw new PosternError('bad-answer', 'an event is not JSON', { cause });
    }
    yield value;
  }
}

export interface SseWriter extends Omit<StreamWriter, 'write'> {
  /** `data` is sent as JSON. False when the connection is closed or was cut because its reader is too slow. */
  send(data: unknown, options?: { readonly event?: string; readonly id?: string }): boolean;
  /** A comment: a sign of life that no reader is told. */
  beat(): boolean;
}

/** For `call.start()`. `maxBuffered`: bytes that may wait for a slow reader; 1 MiB unless told. */
export function writeSse(
  response: ServerResponse,
  { maxBuffered = 1024 * 1024 }: { readonly maxBuffered?: number } = {},
): SseWriter {
  const { write, ...rest } = writeStream(response, { maxBuffered });
  return {
    ...rest,
    send(data, { event, id } = {}) {
      // JSON has no raw line ends, so the data is one line and cannot start a field of its own.
      return write(`${field('event', event)}${field('id', id)}data: ${JSON.stringify(data)}\n\n`);
    },
    beat: () => write(':\n\n'),
  };
}

function field(name: string, value: string | undefined): string {
  if (value === undefined) return '';
  if (/[\r\n\0]/.test(value)) throw new TypeError(`the ${name} of an event cannot hold a line end`);
  return `${name}: ${value}\n`;
}
