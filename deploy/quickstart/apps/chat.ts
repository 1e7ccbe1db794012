/** The WebSocket chat: everybody hears everything, under the name that the gateway vouches for. */
import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { type AppOptions, explainError, publicOrigin, refuse } from './http-app.ts';
import type { VerifyIdentity } from './verify-identity.ts';

/** What a client receives, as JSON text. It sends plain text and hears its own words back as well. */
export interface ChatMessage {
  readonly kind: 'joined' | 'said' | 'left';
  readonly from: string;
  readonly text?: string;
}

const longestMessage = 4 * 1024;
const mostUnread = 1024 * 1024;

/** Serves `/chat` on the upgrades of `server`. */
export function openChat(server: Server, verify: VerifyIdentity, options: AppOptions): { stop(): void } {
  const sockets = new WebSocketServer({ noServer: true, maxPayload: longestMessage });

  server.on('upgrade', (request, socket, head) => {
    socket.on('error', () => socket.destroy());
    admit(request).then(
      (name) => sockets.handleUpgrade(request, socket, head, (client) => join(client, name)),
      (error) => refuseUpgrade(socket, error),
    );
  });

  /** An upgrade passes no route, so it is asked for everything here: path, identity, origin. */
  async function admit(request: IncomingMessage): Promise<string> {
    const { name } = await verify(request.headers['postern-identity']);
    if (request.url?.split('?')[0] !== '/chat') throw refuse(404, 'There is nothing here.');
    const { origin } = request.headers;
    // Browsers always send Origin with a WebSocket; without one it is a program, which no web page can steer.
    if (origin !== undefined && origin !== publicOrigin(request.headers, options.publicOrigins)) {
      throw refuse(403, `A page of ${origin} may not chat here.`);
    }
    return name;
  }

  function join(client: WebSocket, name: string): void {
    client.on('error', (error) => options.log?.warn({ app: 'live', reason: error.message }, 'chat connection failed'));
    client.on('message', (data, binary) => {
      if (!binary) tellAll({ kind: 'said', from: name, text: data.toString() });
    });
    client.on('close', () => tellAll({ kind: 'left', from: name }));
    tellAll({ kind: 'joined', from: name });
  }

  function tellAll(message: ChatMessage): void {
    const text = JSON.stringify(message);
    for (const client of sockets.clients) {
      // Who does not read must not fill the memory of the others.
      if (client.bufferedAmount > mostUnread) client.terminate();
      else if (client.readyState === client.OPEN) client.send(text);
    }
  }

  return {
    stop() {
      for (const client of sockets.clients) client.terminate();
      sockets.close();
    },
  };
}

function refuseUpgrade(socket: Duplex, error: Error & { statusCode?: number }): void {
  const { status, text } = explainError(error);
  const body = `${text}\n`;
  socket.end(
    `HTTP/1.1 ${status} Refused\r\nContent-Type: text/plain; charset=utf-8\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}
