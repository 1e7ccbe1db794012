/** The dialling end of the control socket: what the CLI uses. */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { errorTable, PosternError } from '#shared/base/errors.ts';
import type { Stoppable } from '#shared/base/lifecycle.ts';
import { request } from '#shared/base/node-http.ts';
import { traceHeader } from '#shared/contracts/agent-to-gateway.ts';
import { type Client, callContract } from '#shared/wire/call-contract.ts';
import { makeUnixDispatcher } from '#shared/wire/make-dispatcher.ts';
import { readRefusal } from '../to-gateway/read-outcome.ts';
import { agentControl } from './control-contract.ts';
import { holdHeader } from './serve-tunnel.ts';

export interface Control extends Stoppable {
  readonly calls: Client<typeof agentControl>;
  /** A tunnel to a TCP app. Rejects with the PosternError that says why not. */
  connect(app: string, options?: { readonly hold?: boolean; readonly trace?: string }): Promise<Duplex>;
}

/** Makes no connection yet; calls reject with `unreachable` when no agent runs. */
export function openControl(socketPath: string): Control {
  const dispatcher = makeUnixDispatcher(socketPath);
  return {
    // A held tunnel or a slow probe takes its time.
    calls: callContract(agentControl, { dispatcher, origin: 'http://agent', timeoutMs: 60_000 }),
    connect: (app, options = {}) => connectApp(socketPath, app, options),
    stop: () => dispatcher.destroy(),
  };
}

/** The agent passes on who refused only as a code: without words of the refuser its title says more. */
function told({ code, message, tell, extra }: PosternError): PosternError {
  return new PosternError(code, message, { tell: tell ?? errorTable[code].title, extra: extra ?? {} });
}

function connectApp(
  socketPath: string,
  app: string,
  { hold = true, trace }: { readonly hold?: boolean; readonly trace?: string },
): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const headers = {
      host: 'agent',
      [holdHeader]: hold ? 'yes' : 'no',
      ...(trace === undefined ? {} : { [traceHeader]: trace }),
    };
    const req = request({ socketPath, method: 'CONNECT', path: app, headers });
    req.once('error', (cause: NodeJS.ErrnoException) => {
      const isAbsent = cause.code === 'ENOENT' || cause.code === 'ECONNREFUSED';
      const tell = isAbsent ? 'The agent is not running: "postern up".' : cause.message;
      reject(new PosternError('unreachable', cause.message, { tell, cause }));
    });
    req.once('connect', (response: IncomingMessage, socket: Duplex, head: Buffer) => {
      if (response.statusCode === 200) {
        if (head.length > 0) socket.unshift(head);
        resolve(socket);
        return;
      }
      const chunks = [head];
      socket.on('data', (chunk: Buffer) => chunks.push(chunk));
      socket.on('error', () => {});
      socket.once('close', () =>
        reject(told(readRefusal(response.rawHeaders, Buffer.concat(chunks).toString('utf8')))),
      );
      socket.resume();
      socket.once('end', () => socket.destroy());
    });
    req.end();
  });
}
