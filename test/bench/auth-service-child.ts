/** What nginx's `auth_request` asks: the smallest service that looks a credential up and says who it is. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { answerCalls } from './child.ts';

const calls = {
  async start(credentials: readonly string[]): Promise<{ port: number }> {
    const known = new Map(credentials.map((credential) => [credential, 'anna']));
    const server = createServer({ keepAliveTimeout: 75_000 }, (req, res) => {
      const person = known.get(req.headers.authorization ?? '');
      if (person === undefined) res.writeHead(401).end();
      else res.writeHead(204, { 'x-user': person }).end();
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return { port: (server.address() as AddressInfo).port };
  },
};
export type AuthServiceCalls = typeof calls;
answerCalls(calls);
