/** The configuration files of the quickstart's processes: what anybody would write, with its own ports and directories. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { stringify } from 'yaml';
import type { DoorMode } from '#shared/contracts/knock.ts';
import type { Ports } from './ports.ts';
import { type PersonId, people, type StateFile } from './state.ts';

const loopback = '127.0.0.1';

export const portsOf: Readonly<Record<PersonId, 'employee' | 'owner' | 'auditor'>> = {
  emil: 'employee',
  olivia: 'owner',
  audrey: 'auditor',
};

/** What the sample devices say of themselves instead of what is measured here; edit a file to see posture at work. */
const goodFacts = {
  diskEncrypted: true,
  firewallOn: true,
  screenLock: true,
  screenLockSeconds: 300,
  secureBoot: true,
  antivirusOn: true,
  osUpdated: true,
  osSupported: true,
  patchAgeDays: 0,
};

export function factsFileOf(state: StateFile, person: PersonId): string {
  return state.path('agents', person, 'facts.json');
}

export interface ConfigOptions {
  readonly keepFacts: boolean;
  /** What stands in front of the servers; silence for strangers unless told. */
  readonly door?: DoorMode;
}

export function writeConfigs(state: StateFile, ports: Ports, { keepFacts, door = 'prelude' }: ConfigOptions): void {
  for (const dir of ['controller', 'gateway', 'config', ...people.map((person) => `agents/${person}`)]) {
    mkdirSync(state.path(dir), { recursive: true, mode: 0o700 });
  }
  writeYaml(state, 'controller', {
    dir: state.path('controller'),
    door,
    listen: { host: loopback, mutual: ports.mutual, bootstrap: ports.bootstrap },
    metrics: { port: ports.controllerMetrics },
    grants: { perSecond: 200 },
  });
  writeYaml(state, 'gateway', {
    dir: state.path('gateway'),
    listen: { host: loopback, port: ports.gateway },
    door,
    // One process starts quicker; a real gateway has a worker for each core.
    workers: 0,
    keySets: { port: ports.keySets },
    metrics: { port: ports.gatewayMetrics },
  });
  for (const person of people) {
    const role = portsOf[person];
    writeYaml(state, person, {
      profile: person,
      dir: state.path('agents', person, 'profile'),
      local: { portal: ports[`${role}Portal`], socks: ports[`${role}Socks`] },
      posture: { factsFile: factsFileOf(state, person) },
    });
    if (!keepFacts)
      writeFileSync(factsFileOf(state, person), `${JSON.stringify(goodFacts, null, 2)}\n`, { mode: 0o600 });
  }
}

export function configFile(state: StateFile, name: 'controller' | 'gateway' | PersonId): string {
  return state.path('config', `${name}.yaml`);
}

function writeYaml(state: StateFile, name: 'controller' | 'gateway' | PersonId, value: object): void {
  writeFileSync(configFile(state, name), stringify(value), { mode: 0o600 });
}
