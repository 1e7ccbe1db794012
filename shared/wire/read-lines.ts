/** Splits bytes into lines of UTF-8, with a cap, in time linear in the bytes. */
import { PosternError } from '../base/errors.ts';

/** Lines without their `\n`. Throws `bad-answer` for a line above `maxLine` bytes or bytes after the last `\n`. */
export async function* readLines(bytes: AsyncIterable<Buffer>, maxLine: number): AsyncGenerator<string> {
  let parts: Buffer[] = [];
  let size = 0;
  for await (const chunk of bytes) {
    let from = 0;
    for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, from)) {
      parts.push(chunk.subarray(from, at));
      size += at - from;
      if (size > maxLine) throw tooLong(maxLine);
      yield (parts.length === 1 ? parts[0]! : Buffer.concat(parts)).toString('utf8');
      parts = [];
      size = 0;
      from = at + 1;
    }
    if (from === chunk.length) continue;
    parts.push(chunk.subarray(from));
    size += chunk.length - from;
    if (size > maxLine) throw tooLong(maxLine);
  }
  if (size > 0) throw new PosternError('bad-answer', 'the stream ended inside a line');
}

function tooLong(maxLine: number): PosternError {
  return new PosternError('bad-answer', `a line of the stream is longer than ${maxLine} bytes`);
}
