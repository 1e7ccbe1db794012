/** Newline-delimited JSON: one value a line, `\n` only. */
import type { ServerResponse } from 'node:http';
import { PosternError } from '../base/errors.ts';
import { readLines } from './read-lines.ts';
import { type StreamWriter, writeStream } from './write-stream.ts';

/** A snapshot for a gateway is one line. */
const maxLineUsual = 16 * 1024 * 1024;

/** Parsed values; throws `bad-answer` for a line that is no JSON, one longer than `maxLine` bytes, and a last one cut short. */
export async function* readNdjson(
  bytes: AsyncIterable<Buffer>,
  { maxLine = maxLineUsual }: { readonly maxLine?: number } = {},
): AsyncGenerator<unknown> {
  for await (const line of readLines(bytes, maxLine)) {
    if (line === '') continue;
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch (cause) {
      throw new PosternError('bad-answer', 'a line of the stream is not JSON', { cause });
    }
    yield value;
  }
}

export interface NdjsonWriter extends Omit<StreamWriter, 'write'> {
  /** False when the connection is closed or was cut because its reader is too slow. */
  send(message: unknown): boolean;
}

/** For `call.start()`. `maxBuffered`: bytes that may wait for a slow reader before it is cut; 64 MiB unless told. */
export function writeNdjson(response: ServerResponse, options: { readonly maxBuffered?: number } = {}): NdjsonWriter {
  const { write, ...rest } = writeStream(response, options);
  return { ...rest, send: (message) => write(`${JSON.stringify(message)}\n`) };
}
