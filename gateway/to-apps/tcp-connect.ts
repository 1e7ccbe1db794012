/** A connection to the upstream of a TCP app. */
import { connect, type Socket } from 'node:net';
import { PosternError } from '#shared/base/errors.ts';

/** `upstream`: `host:port`, IPv6 in brackets. Rejects with `app-unreachable` or `app-timeout`. */
export function tcpConnect(upstream: string, timeoutMs: number, signal: AbortSignal): Promise<Socket> {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:\s]+)):(\d{1,5})$/.exec(upstream);
  if (match === null) return Promise.reject(new PosternError('app-unreachable', 'the upstream is no host:port'));
  return new Promise((resolve, reject) => {
    const socket = connect({ host: match[1] ?? match[2]!, port: Number(match[3]), allowHalfOpen: true, noDelay: true });
    const fail = (error: PosternError) => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      socket.destroy();
      reject(error);
    };
    const onAbort = () => fail(signal.reason instanceof PosternError ? signal.reason : new PosternError('stream-cut'));
    const timer = setTimeout(() => fail(new PosternError('app-timeout', 'no TCP connection in time')), timeoutMs);
    // Stays for good: an error between two owners of the socket must not end the process.
    socket.on('error', (cause) => fail(new PosternError('app-unreachable', cause.message, { cause })));
    socket.once('connect', () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      resolve(socket);
    });
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
}
