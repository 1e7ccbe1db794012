/** `postern` as a real process against a control socket whose agent is a fake one. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import { silentLog } from '#shared/base/log.ts';

import { startControl } from '../../../client-agent/control/start-control.ts';
import { type FakeAgent, makeFakeAgent } from '../../support/fake-agent-portal.ts';
import { makeClients } from '../../support/make-clients.ts';

export interface Ran {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

export interface Started {
  readonly child: ChildProcess;
  readonly ended: Promise<Ran>;
  /** Standard output up to now. */
  readonly out: () => string;
  /** Resolves when standard output or error holds the text. */
  says(text: string | RegExp): Promise<void>;
}

const root = join(import.meta.dirname, '../../..');

export function startPostern(args: readonly string[], input?: string): Started {
  const env = { ...process.env };
  // What the machine's user has set must not change the tests; a browser must not open.
  for (const name of ['DISPLAY', 'WAYLAND_DISPLAY', 'BROWSER']) delete env[name];
  const child = spawn(process.execPath, [join(root, 'client-agent/main.ts'), ...args], { env, stdio: 'pipe' });
  let out = '';
  let err = '';
  const looks = new Set<() => void>();
  const look = () => {
    for (const one of looks) one();
  };
  child.stdout.on('data', (chunk) => {
    out += chunk;
    look();
  });
  child.stderr.on('data', (chunk) => {
    err += chunk;
    look();
  });
  if (input !== undefined) child.stdin.end(input);
  return {
    child,
    out: () => out,
    ended: new Promise((resolve) => child.once('close', (code) => resolve({ code, out, err }))),
    says: (text) =>
      new Promise((resolve, reject) => {
        const isThere = () =>
          typeof text === 'string' ? `${out}\n${err}`.includes(text) : text.test(`${out}\n${err}`);
        const check = () => {
          if (!isThere()) return;
          looks.delete(check);
          resolve();
        };
        looks.add(check);
        child.once('close', () => (isThere() ? resolve() : reject(new Error(`never said ${text}: ${out}\n${err}`))));
        check();
      }),
  };
}

export const runPostern = (args: readonly string[], input = ''): Promise<Ran> => startPostern(args, input).ended;

export interface Rig {
  readonly agent: FakeAgent;
  readonly directory: string;
  readonly run: (line: string, input?: string) => Promise<Ran>;
  readonly start: (line: string, input?: string) => Started;
  readonly logs: string[];
}

/** A profile's directory with `agent.sock`. Short path: a Unix socket's name has 107 bytes. */
export async function makeRig(t: Test, options: { readonly signedIn?: boolean } = {}): Promise<Rig> {
  const directory = mkdtempSync(join(tmpdir(), 'postern-cli-'));
  const agent = makeFakeAgent(options);
  const logs = [
    JSON.stringify({ level: 30, time: '2026-11-20T10:11:12.000Z', name: 'postern', msg: 'signed in', person: 'emil' }),
  ];
  const local = {
    addresses: () => [
      { name: 'portal', address: 'http://postern.localhost:7170' },
      { name: 'proxy', address: 'http://127.0.0.1:7170' },
    ],
    openLink: async (app?: string) => ({
      file: join(directory, 'open-1.html'),
      url: `http://${app ?? 'postern'}.localhost:7170/`,
    }),
    stop: () => {},
  };
  const control = await startControl({
    agent,
    local,
    clients: makeClients(directory),
    path: join(directory, 'agent.sock'),
    log: silentLog,
    recentLogs: () => logs,
  });
  writeFileSync(join(directory, 'open-1.html'), '');
  t.teardown(async () => {
    await control.stop();
    rmSync(directory, { recursive: true });
  });
  const withDir = (line: string) => [...line.split(' '), '--dir', directory];
  return {
    agent,
    directory,
    logs,
    run: (line, input) => runPostern(withDir(line), input),
    start: (line, input) => startPostern(withDir(line), input),
  };
}
