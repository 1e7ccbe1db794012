/** Whether this process may have port 443 of a loopback address. */
import { once } from 'node:events';
import { createServer } from 'node:net';

export async function needsLowPorts(): Promise<{ readonly skip: string | false }> {
  const server = createServer().listen(443, '127.99.99.99');
  try {
    await once(server, 'listening');
    return { skip: false };
  } catch (error) {
    return { skip: `port 443 cannot be had here: ${(error as Error).message}` };
  } finally {
    server.close();
  }
}
