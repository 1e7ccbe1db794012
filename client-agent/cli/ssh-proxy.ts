/** `postern ssh-proxy <app>`: standard input and output are the connection, for ssh's ProxyCommand. */
import { closeSync } from 'node:fs';
import { Duplex } from 'node:stream';
import type { CliCall } from '#shared/base/cli.ts';
import { asPosternError } from '#shared/base/errors.ts';
import { pipeSockets } from '#shared/wire/pipe-sockets.ts';
import { requireApp } from './no-such-app.ts';
import { tellHolds } from './tell-holds.ts';
import { placeOf, withAgent } from './with-agent.ts';

export async function sshProxy(call: CliCall): Promise<number> {
  const [app] = call.args;
  return await withAgent(call, async (control) => {
    const place = await placeOf(call);
    const stop = tellHolds(control, app!, call.io, place);
    let tunnel: Duplex;
    try {
      tunnel = await control.connect(app!);
    } catch (error) {
      // Looked at only now: ssh waits for this command.
      if (asPosternError(error).code === 'not-allowed') await requireApp(control, app!, place);
      throw error;
    } finally {
      stop();
    }
    // `process.stdout` ends without closing its descriptor, and ssh waits for just that when the tunnel has ended or was cut.
    process.stdout.once('finish', () => closeSync(process.stdout.fd));
    const stdio = Duplex.from({ readable: process.stdin, writable: process.stdout } as never);
    const { ended, error } = await pipeSockets(stdio, tunnel);
    process.stdin.destroy();
    if (error !== undefined) call.io.err(`postern: the connection was cut: ${error.message}`);
    return ended === 'complete' || ended === 'client-abort' ? 0 : 1;
  });
}
