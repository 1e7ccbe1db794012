/** `postern connect <app>`: a local port for a TCP app until Ctrl-C; serves this user alone (P30). */
import { once } from 'node:events';
import type { Socket } from 'node:net';
import type { CliCall } from '#shared/base/cli.ts';
import { asPosternError, PosternError } from '#shared/base/errors.ts';
import { createLog } from '#shared/base/log.ts';
import { pipeSockets } from '#shared/wire/pipe-sockets.ts';
import type { Control } from '../control/open-control.ts';
import { listenOwn } from '../from-apps/listen-own.ts';
import { createOwnerCheck, systemOwnerParts } from '../from-apps/owner-check.ts';
import { requireApp } from './no-such-app.ts';
import { tellHolds } from './tell-holds.ts';
import { placeOf, withAgent } from './with-agent.ts';

export async function connectApp(call: CliCall): Promise<number> {
  if (call.values['stdio'] === true) return (await import('./ssh-proxy.ts')).sshProxy(call);
  const [app] = call.args as [string];
  const port = portOf(call.values['port']);
  const place = await placeOf(call);
  return await withAgent(call, async (control) => {
    await checkApp(control, app, place);
    const stopTelling = tellHolds(control, app, call.io, place);
    const own = await listenOwn({
      name: `port of ${app}`,
      port,
      check: createOwnerCheck(systemOwnerParts()),
      trustLoopback: false,
      log: createLog('postern', 'warn'),
      onSocket: (socket) => void carry({ call, control, app, place }, socket),
    });
    if (call.json) call.io.out(JSON.stringify({ app, address: `127.0.0.1:${own.port}`, port: own.port }));
    else call.io.err(`${app} is at 127.0.0.1:${own.port} until Ctrl-C.`);
    await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
    stopTelling();
    await own.stop();
    return 0;
  });
}

function portOf(given: unknown): number {
  if (given === undefined) return 0;
  const port = Number(given);
  if (!/^\d{1,5}$/.test(String(given)) || port > 65_535)
    throw new PosternError('bad-request', '--port is a number up to 65535');
  return port;
}

/** Before a port is opened: one that leads nowhere helps nobody. */
async function checkApp(control: Control, app: string, place: string): Promise<void> {
  if ((await requireApp(control, app, place)) === 'tcp') return;
  const tell = `${app} is an HTTP app. Run: postern open ${app}${place}`;
  throw new PosternError('not-allowed', tell, { tell });
}

interface Carrying {
  readonly call: CliCall;
  readonly control: Control;
  readonly app: string;
  readonly place: string;
}

async function carry({ call: { io }, control, app, place }: Carrying, socket: Socket): Promise<void> {
  try {
    const tunnel = await control.connect(app);
    const { error } = await pipeSockets(socket, tunnel);
    if (error !== undefined) io.err(`postern: a connection to ${app} was cut: ${error.message}`);
  } catch (thrown) {
    socket.destroy();
    const { tell, message } = asPosternError(thrown);
    io.err(`postern: no connection to ${app}: ${tell ?? message}. See: postern why ${app}${place}`);
  }
}
