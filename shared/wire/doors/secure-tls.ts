/** TLS over a connection that a rung of the ladder made. */
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import type { Secure } from './reach.ts';

/** `options` is asked at each handshake. */
export const secureTls =
  (options: () => ConnectionOptions): Secure<TLSSocket> =>
  (raw, signal) => {
    const socket = connect({ ...options(), socket: raw });
    return new Promise((resolve, reject) => {
      const end = (act: () => void) => {
        signal.removeEventListener('abort', onAbort);
        socket.off('error', fail).off('close', onClose).off('secureConnect', onSecure);
        act();
      };
      const fail = (error: unknown) =>
        end(() => {
          socket.on('error', () => {}).destroy();
          reject(error);
        });
      const onClose = () => fail(Object.assign(new Error('closed before the handshake ended'), { code: 'ECONNRESET' }));
      const onAbort = () => fail(signal.reason);
      const onSecure = () => end(() => resolve(socket));
      socket.once('error', fail).once('close', onClose).once('secureConnect', onSecure);
      if (signal.aborted) onAbort();
      else signal.addEventListener('abort', onAbort, { once: true });
    });
  };
