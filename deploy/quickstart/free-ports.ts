/** Ports that are free now, all held open until every one is known. */
import { type AddressInfo, createServer, type Server } from 'node:net';
import { type PortName, type Ports, portNames } from './ports.ts';

export async function freePorts(): Promise<Ports> {
  const servers: Server[] = [];
  const found: Partial<Record<PortName, number>> = {};
  for (const name of portNames) {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    found[name] = (server.address() as AddressInfo).port;
    servers.push(server);
  }
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return found as Ports;
}
