/** A TCP app that answers in capitals, and ends after `quit`. */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import type { Test } from 'tap';

/** Its port, and its connections while they last. */
export async function capitalsApp(t: Test): Promise<{ port: number; open: Set<Socket> }> {
  const open = new Set<Socket>();
  const app = createServer((socket) => {
    open.add(socket);
    socket.on('close', () => open.delete(socket));
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      const said = chunk.toString('latin1');
      socket.write(said.toUpperCase());
      if (said.includes('quit')) socket.end();
    });
  });
  app.listen(0, '127.0.0.1');
  await once(app, 'listening');
  t.teardown(() => {
    app.close();
    for (const socket of open) socket.destroy();
  });
  return { port: (app.address() as AddressInfo).port, open };
}
