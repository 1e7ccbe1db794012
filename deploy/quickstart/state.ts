/** What the quickstart remembers between two starts: `quickstart.json` in its directory, for this user's eyes only. */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Ports } from './ports.ts';

export const people = ['emil', 'olivia', 'audrey'] as const;
export type PersonId = (typeof people)[number];

export interface SampleUser {
  readonly id: PersonId;
  readonly name: string;
  readonly role: 'owner' | 'employee' | 'auditor';
  readonly groups: readonly string[];
  readonly password: string;
  /** Base32, as an authenticator app takes it. */
  readonly totpSecret: string;
}

export interface QuickstartState {
  readonly version: 1;
  readonly people: Readonly<Record<PersonId, SampleUser>>;
  /** Kept: devices and the gateway remember where their controller is. */
  readonly ports: Ports;
}

/** Who the sample people are; passwords and secrets are made on the first start. */
export const samplePeople: Readonly<Record<PersonId, Pick<SampleUser, 'name' | 'role' | 'groups'>>> = {
  emil: { name: 'Emil Employee', role: 'employee', groups: ['finance', 'engineers'] },
  olivia: { name: 'Olivia Owner', role: 'owner', groups: ['staff'] },
  audrey: { name: 'Audrey Auditor', role: 'auditor', groups: ['staff'] },
};

/** What the processes keep, below the directory. */
const parts = ['controller', 'gateway', 'agents', 'config'];
const unfinished = 'first-start.unfinished';

export class StateFile {
  readonly dir: string;

  constructor(dir: string) {
    this.dir = dir;
    mkdirSync(join(dir, 'logs'), { recursive: true, mode: 0o700 });
  }

  path(...parts: readonly string[]): string {
    return join(this.dir, ...parts);
  }

  /** Undefined before the first start has ended well: a start that was cut short begins anew. */
  read(): QuickstartState | undefined {
    try {
      return JSON.parse(readFileSync(this.path('quickstart.json'), 'utf8')) as QuickstartState;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  /**
   * Before a first start makes anything. What an earlier one left half made is thrown away; what is not ours is left alone.
   * Throws when there is something of the kind that no first start has made.
   */
  begin(): void {
    const mark = this.path(unfinished);
    const made = parts.map((part) => this.path(part)).filter((path) => existsSync(path));
    if (existsSync(mark)) for (const path of made) rmSync(path, { recursive: true });
    else if (made.length > 0) throw new Error(`${made[0]} is there already: give another --dir`);
    writeFileSync(mark, '', { mode: 0o600 });
  }

  write(state: QuickstartState): void {
    const file = this.path('quickstart.json');
    writeFileSync(`${file}.new`, `${JSON.stringify(state, null, 2)}\n`, { mode: 0o600 });
    renameSync(`${file}.new`, file);
    rmSync(this.path(unfinished), { force: true });
  }
}
