/** A host made of recorded answers: what is not named is missing. */
import { readFileSync } from 'node:fs';
import type { Exec, FileFacts, Host } from '../../../client-agent/posture/host.ts';

export interface FakeWorld {
  os?: Host['os'];
  uid?: number | undefined;
  now?: number;
  env?: Record<string, string>;
  files?: Record<string, string | Buffer | 'denied'>;
  dirs?: Record<string, string[]>;
  facts?: Record<string, Partial<FileFacts>>;
  /** By `file arg arg`: standard output, or a whole answer. */
  runs?: Record<string, string | Exec>;
  seen?: Record<string, number | undefined>;
}

export const recorded = (path: string): string =>
  readFileSync(new URL(`../../vectors/posture/${path}`, import.meta.url), 'utf8');

export function fakeHost(world: FakeWorld): Host & { readonly asked: string[] } {
  const asked: string[] = [];
  const facts = async (path: string) => {
    const found = world.facts?.[path];
    const known = found ?? (path in (world.files ?? {}) || path in (world.dirs ?? {}) ? {} : undefined);
    if (known === undefined) return { ok: false, why: 'missing' } as const;
    const kind = path in (world.dirs ?? {}) ? 'directory' : 'file';
    return {
      ok: true,
      value: { kind, uid: 0, mode: 0o755, mtimeMs: 0, size: 0, device: undefined, ...known },
    } as const;
  };
  return {
    asked,
    os: world.os ?? 'linux',
    uid: 'uid' in world ? world.uid : 0,
    env: world.env ?? {},
    now: () => world.now ?? Date.parse('2026-11-20T12:00:00Z'),
    stat: facts,
    lstat: facts,
    async readFile(path) {
      const file = world.files?.[path];
      if (file === undefined) return { ok: false, why: 'missing' };
      return file === 'denied' ? { ok: false, why: 'denied' } : { ok: true, value: Buffer.from(file) };
    },
    async readdir(path) {
      const names = world.dirs?.[path];
      return names === undefined ? { ok: false, why: 'missing' } : { ok: true, value: names };
    },
    async exec(file, args) {
      const command = [file, ...args].join(' ');
      asked.push(command);
      const known = Object.entries(world.runs ?? {}).find(([key]) => command === key || command.includes(key));
      if (known === undefined) return { ran: false, why: 'missing' };
      return typeof known[1] === 'string' ? { ran: true, code: 0, stdout: known[1], stderr: '' } : known[1];
    },
    async firstSeen(_topic, items) {
      return new Map(items.map((item) => [item, world.seen?.[item]]));
    },
  };
}
