/** The clients of a profile: through its agent while one runs, else in the file itself, under the profile's lock. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { CliCall } from '#shared/base/cli.ts';
import { systemClock } from '#shared/base/clock.ts';
import { silentLog } from '#shared/base/log.ts';
import { ClientBook, type NewClient } from '../clients/client-book.ts';
import { ClientDesk, type ClientSeen } from '../clients/client-desk.ts';
import type { ControlStatus } from '../control/control-contract.ts';
import { ProfileDirectory } from '../keystore/profile-directory.ts';
import { lockProfile } from '../keystore/profile-lock.ts';
import { directoryOf, isNotRunning, withAgent } from './with-agent.ts';

export interface ReachedClients {
  /** Where the agent listens; empty while none runs. */
  readonly local: ControlStatus['local'];
  /** A name by which the proxies know the first HTTP app of these; undefined while it cannot be told. */
  httpHost(apps: readonly string[]): Promise<string | undefined>;
  list(): readonly ClientSeen[];
  add(client: Omit<NewClient, 'now'>): Promise<{ readonly client: ClientSeen; readonly password: string }>;
  /** The number of connections that were ended. */
  remove(name: string): Promise<number>;
}

export async function reachClients<T>(call: CliCall, act: (clients: ReachedClients) => Promise<T>): Promise<T> {
  const directory = await directoryOf(call);
  try {
    return await withAgent(call, async ({ calls }) => {
      const { clients, local } = await calls.status();
      return await act({
        local,
        httpHost: async (ids) => {
          // The client is made by then: that nobody can tell the name now is no failure of it.
          const { apps } = await calls.apps().catch(() => ({ apps: [] }));
          return apps.find(({ id, kind }) => kind === 'http' && ids.includes(id))?.hosts[0];
        },
        list: () => clients,
        add: ({ name, apps, expiresAt }) =>
          calls.addClient({ body: { name, apps: [...apps], ...(expiresAt === undefined ? {} : { expiresAt }) } }),
        remove: async (name) => (await calls.removeClient({ params: { name } })).cut,
      });
    });
  } catch (error) {
    if (!isNotRunning(error) || !existsSync(join(directory, 'enrolment.json'))) throw error;
  }
  return await withFile(directory, act);
}

async function withFile<T>(path: string, act: (clients: ReachedClients) => Promise<T>): Promise<T> {
  const directory = new ProfileDirectory(path);
  const lock = lockProfile(directory);
  try {
    const desk = new ClientDesk({ book: new ClientBook(directory), clock: systemClock, log: silentLog });
    return await act({
      local: [],
      httpHost: async () => undefined,
      list: () => desk.list(),
      add: async (client) => desk.add(client),
      remove: async (name) => desk.remove(name),
    });
  } finally {
    lock.release();
  }
}
