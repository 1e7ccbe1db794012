/** `postern client add|list|remove`: proxy users for programs whose connections cannot be told to be this user's (P30). */
import { openSync, rmSync, writeSync } from 'node:fs';
import type { CliCall } from '#shared/base/cli.ts';
import { systemClock } from '#shared/base/clock.ts';
import { PosternError } from '#shared/base/errors.ts';
import { printTable } from '#shared/base/print-table.ts';
import type { ClientSeen } from '../clients/client-desk.ts';
import type { ControlStatus } from '../control/control-contract.ts';
import { reachClients } from './reach-clients.ts';
import { placeOf } from './with-agent.ts';
import { ago, answer, readSpan, span } from './words.ts';

export async function addClient(call: CliCall): Promise<void> {
  const [name] = call.args as [string];
  const apps = (call.values['app'] as readonly string[] | undefined) ?? [];
  if (apps.length === 0) throw new PosternError('bad-request', 'Say which apps it may reach: --app wiki --app db');
  const expires = call.values['expires'] as string | undefined;
  const expiresAt = expires === undefined ? undefined : systemClock.now() + readSpan('--expires', expires);
  const file = call.values['file'] as string | undefined;
  // Before the client is made: a password that cannot be put anywhere is of no use.
  const secretFile = file === undefined ? undefined : openSecretFile(file);
  const place = await placeOf(call);
  const { client, password, local, host } = await reachClients(call, async (clients) => {
    const added = await clients.add({ name, apps, expiresAt });
    secretFile?.write(`${added.password}\n`);
    return { ...added, local: clients.local, host: await clients.httpHost(apps) };
  }).catch((thrown: unknown) => {
    secretFile?.remove();
    throw thrown;
  });
  const told = { client, ...(file === undefined ? { password } : { file }), addresses: proxiesOf(local) };
  answer(call, told, () => {
    call.io.out(`Client ${client.name} reaches ${client.apps.join(', ')}${untilWords(client)}.`);
    call.io.out(file === undefined ? `password: ${password}   (not shown again)` : `The password is in ${file}.`);
    for (const address of proxiesOf(local))
      call.io.out(`proxy: ${address.replace('://', `://${client.name}:PASSWORD@`)}`);
    const proxy = proxiesOf(local).find((address) => address.startsWith('http:'));
    if (proxy !== undefined && host !== undefined)
      call.io.out(`try: curl -x ${proxy.replace('://', `://${client.name}:PASSWORD@`)} http://${host}/`);
    call.io.out(`Take it back: postern client remove ${client.name}${place}`);
  });
}

export async function listClients(call: CliCall): Promise<void> {
  const clients = await reachClients(call, async (reached) => reached.list());
  answer(call, { clients }, () => {
    const rows = clients.map((client) => ({
      client: client.name,
      apps: client.apps.join(' '),
      since: ago(Date.now() - client.createdAt),
      ends: endWords(client),
      used: client.lastUsedAt === undefined ? undefined : ago(Date.now() - client.lastUsedAt),
      open: client.open,
    }));
    call.io.out(printTable(rows, ['client', 'apps', 'since', 'ends', 'used', 'open']));
  });
}

export async function removeClient(call: CliCall): Promise<void> {
  const [name] = call.args as [string];
  const cut = await reachClients(call, (clients) => clients.remove(name));
  const ended = cut === 0 ? '' : `; ${cut} of its connections ended`;
  answer(call, { removed: name, cut }, () => call.io.out(`The client ${name} is removed${ended}.`));
}

export function endWords({ expired, expiresAt }: ClientSeen): string {
  if (expiresAt === undefined) return 'never';
  return expired ? `expired ${ago(Date.now() - expiresAt)}` : `in ${span(expiresAt - Date.now())}`;
}

const untilWords = (client: ClientSeen): string =>
  client.expiresAt === undefined ? '' : ` and ends ${endWords(client)}`;

/** Where a program finds the proxies; empty while no agent runs. */
function proxiesOf(local: ControlStatus['local']): string[] {
  return local.flatMap(({ name, address }) => {
    if (name === 'proxy') return [address];
    if (name === 'client proxy') return [`http://${address}`];
    return name === 'socks' || name === 'client socks' ? [`socks5h://${address}`] : [];
  });
}

function openSecretFile(path: string): { write(text: string): void; remove(): void } {
  let descriptor: number;
  try {
    // Never over a file that is there: it could be another's, or a link to one.
    descriptor = openSync(path, 'wx', 0o600);
  } catch (cause) {
    const isThere = (cause as NodeJS.ErrnoException).code === 'EEXIST';
    const why = isThere ? 'there is one already' : (cause as Error).message;
    throw new PosternError('bad-request', `cannot make the file ${path}: ${why}`, { cause });
  }
  return {
    write(text) {
      writeSync(descriptor, text);
    },
    remove() {
      rmSync(path, { force: true });
    },
  };
}
