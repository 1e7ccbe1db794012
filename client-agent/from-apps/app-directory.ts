/** Finds one of this person's apps by the names it has. Nothing else can be reached through the agent. */
import type { AppListed } from '#shared/contracts/agent-to-controller.ts';

export interface AppDirectory {
  /** HTTP apps by id: `<id>.localhost`. */
  httpById(id: string): AppListed | undefined;
  /** HTTP apps by one of their host names, lower case. */
  httpByHost(host: string): AppListed | undefined;
  tcpById(id: string): AppListed | undefined;
  tcpByAddress(host: string, port: number): AppListed | undefined;
  readonly httpHosts: readonly string[];
}

/** The same list as if these apps were all that there are. */
export function limitApps(apps: AppDirectory, ids: readonly string[]): AppDirectory {
  const only = (app: AppListed | undefined) => (app !== undefined && ids.includes(app.id) ? app : undefined);
  return {
    httpById: (id) => only(apps.httpById(id)),
    httpByHost: (host) => only(apps.httpByHost(host)),
    tcpById: (id) => only(apps.tcpById(id)),
    tcpByAddress: (host, port) => only(apps.tcpByAddress(host, port)),
    get httpHosts() {
      return apps.httpHosts.filter((host) => only(apps.httpByHost(host)) !== undefined);
    },
  };
}

interface Tables {
  readonly ids: ReadonlyMap<string, AppListed>;
  readonly hosts: ReadonlyMap<string, AppListed>;
  readonly addresses: ReadonlyMap<string, AppListed>;
}

/** `apps` gives the list in force; tables are made once for each list. */
export function createAppDirectory(apps: () => readonly AppListed[]): AppDirectory {
  const memo = new WeakMap<readonly AppListed[], Tables>();
  const tables = (): Tables => {
    const list = apps();
    const made = memo.get(list) ?? makeTables(list);
    memo.set(list, made);
    return made;
  };
  const ofKind = (kind: AppListed['kind'], app: AppListed | undefined) => (app?.kind === kind ? app : undefined);
  return {
    httpById: (id) => ofKind('http', tables().ids.get(id)),
    httpByHost: (host) => tables().hosts.get(host),
    tcpById: (id) => ofKind('tcp', tables().ids.get(id)),
    tcpByAddress: (host, port) => tables().addresses.get(`${host}:${port}`),
    get httpHosts() {
      return [...tables().hosts.keys()];
    },
  };
}

function makeTables(list: readonly AppListed[]): Tables {
  const ids = new Map<string, AppListed>();
  const hosts = new Map<string, AppListed>();
  const addresses = new Map<string, AppListed>();
  for (const app of list) {
    ids.set(app.id, app);
    for (const host of app.hosts) {
      if (app.kind === 'http') hosts.set(host, app);
      else addresses.set(`${host}:${app.port}`, app);
    }
  }
  return { ids, hosts, addresses };
}
