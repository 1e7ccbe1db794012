/** Raw bytes at the two doors of the data path: the agent's local side, and the gateway itself over mutual TLS. */
import { connect, type Socket } from 'node:net';
import type { Chain } from './gateway-chain.ts';
import { dial } from './gateway-client.ts';
import type { GrantChanges } from './gateway-world.ts';

export interface Door {
  readonly name: 'gateway' | 'agent';
  /** `Host` of an app. */
  host(app: string): string;
  /** The header lines that a client of this door sends besides. */
  grant(app: string): string;
  dial(): Promise<Socket>;
}

export function doorsOf({ gw, localPort }: Chain, grant: (app: string) => GrantChanges = () => ({})): Door[] {
  const { world, device, port } = gw;
  return [
    {
      name: 'gateway',
      host: (app) => `${app}.corp.example`,
      grant: (app) => `Postern-Grant: ${world.grant(device, { app, ...grant(app) })}\r\n`,
      dial: () => dial(world, device, port),
    },
    {
      name: 'agent',
      host: (app) => `${app}.localhost:${localPort}`,
      grant: () => '',
      dial: async () => connect({ port: localPort, host: '127.0.0.1' }),
    },
  ];
}

/** Sends and reads until the connection ends; what came, as Latin-1. */
export async function talk(door: Door, text: string): Promise<string> {
  const socket = await door.dial();
  let heard = '';
  const ended = new Promise<void>((resolve) => {
    socket.on('data', (chunk: Buffer) => {
      heard += chunk.toString('latin1');
    });
    socket.on('error', () => {});
    socket.on('end', () => socket.destroy());
    socket.on('close', () => resolve());
  });
  socket.write(text, 'latin1');
  await ended;
  return heard;
}

export interface Heard {
  readonly status: number;
  readonly head: string;
  readonly body: string;
}

/** The answers in what was heard, by their lengths; what is left over is an answer of status 0. Interim ones are left out. */
export function answersIn(heard: string): Heard[] {
  const answers: Heard[] = [];
  for (let rest = heard; rest !== ''; ) {
    const end = rest.indexOf('\r\n\r\n') + 4;
    const head = rest.slice(0, end);
    const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(head)?.[1] ?? 0);
    if (status === 0) return [...answers, { status, head: '', body: rest }];
    const length = Number(/^content-length: (\d+)\r$/im.exec(head)?.[1] ?? 0);
    if (status >= 200) answers.push({ status, head, body: rest.slice(end, end + length) });
    rest = rest.slice(end + length);
  }
  return answers;
}

/** `400 request-refused host-repeated` of a refusal; status and body of what an app has said. */
export function shorten({ status, head, body }: Heard): string {
  // An answer to HEAD has none.
  if (body === '' || !/^content-type: application\/problem\+json/im.test(head)) return `${status} ${body}`.trim();
  const { code, reason = '' } = JSON.parse(body) as { code: string; reason?: string };
  return `${status} ${code} ${reason}`.trim();
}
