/** A small JSON body of an agent, with an end to its size and to the time it may take. */
import type { IncomingMessage } from 'node:http';
import { second } from '#shared/base/clock.ts';
import { PosternError } from '#shared/base/errors.ts';

const usualMs = 10 * second;

/** Throws `body-too-large`, `bad-request`. The request is not destroyed when reading stops early: the answer goes the same way. */
export async function readJsonBody(req: IncomingMessage, maxBytes: number, withinMs = usualMs): Promise<unknown> {
  const chunks: Buffer[] = [];
  let size = 0;
  const slow = Promise.withResolvers<never>();
  slow.promise.catch(() => {});
  const timer = setTimeout(() => slow.reject(new PosternError('bad-request', 'a body that does not end')), withinMs);
  const body = req.iterator({ destroyOnReturn: false }) as AsyncIterableIterator<Buffer>;
  try {
    for (;;) {
      const next = await Promise.race([body.next(), slow.promise]);
      if (next.done === true) break;
      size += next.value.length;
      if (size > maxBytes) throw new PosternError('body-too-large');
      chunks.push(next.value);
    }
  } catch (cause) {
    if (cause instanceof PosternError) throw cause;
    throw new PosternError('bad-request', 'the client broke off its body', { cause });
  } finally {
    clearTimeout(timer);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch (cause) {
    throw new PosternError('bad-request', 'a body is not JSON', { cause });
  }
}
