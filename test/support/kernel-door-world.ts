/** Two network namespaces: a host behind a kernel door, and outside, where every packet that comes from it is captured. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Test } from 'tap';
import type { BehindDoor } from './kernel-door-child.ts';
import { makeKnocker } from './knocks.ts';
import type { OutsideAsk } from './outside-child.ts';
import { findProgram } from './programs.ts';

export const mutualPort = 8443;
export const bootstrapPort = 8444;
export const knockPort = 62_201;
/** Two sources of each family are outside; the host has one address of each. */
export const sources = { ipv4: ['10.77.0.2', '10.77.0.3'], ipv6: ['fd77::2', 'fd77:0:0:1::3'] } as const;
export const host = { ipv4: '10.77.0.1', ipv6: 'fd77::1' } as const;

let made = 0;

/** Of a test what a benchmark has too: an end, and a directory. */
export async function makeDoorWorld(t: Pick<Test, 'teardown'> & { testdir(): string }) {
  made += 1;
  const [inside, outside] = [`kd-in-${process.pid}-${made}`, `kd-out-${process.pid}-${made}`];
  const ip = (...args: string[]) => execFileSync(findProgram('ip')!, args);
  const nft = (input: string) => {
    const options = { input, encoding: 'utf8' } as const;
    return execFileSync(findProgram('ip')!, ['netns', 'exec', inside, findProgram('nft')!, '-f', '-'], options);
  };
  for (const name of [inside, outside]) {
    ip('netns', 'add', name);
    t.teardown(() => ip('netns', 'del', name));
    ip('-n', name, 'link', 'set', 'lo', 'up');
  }
  ip('link', 'add', 'door', 'netns', inside, 'type', 'veth', 'peer', 'name', 'door', 'netns', outside);
  const address = (name: string, what: string) => ip('-n', name, 'address', 'add', what, 'dev', 'door', ...nodad(what));
  for (const each of [`${host.ipv4}/24`, `${host.ipv6}/48`]) address(inside, each);
  for (const each of sources.ipv4) address(outside, `${each}/24`);
  for (const each of sources.ipv6) address(outside, `${each}/48`);
  for (const name of [inside, outside]) ip('-n', name, 'link', 'set', 'door', 'up');
  // As many sources as a flood wants.
  ip('-n', outside, 'route', 'add', 'local', '10.78.0.0/16', 'dev', 'lo');
  ip('-n', inside, 'route', 'add', '10.78.0.0/16', 'dev', 'door');

  const start = (name: string, program: readonly string[], ipc: boolean): ChildProcess => {
    const child = spawn(findProgram('ip')!, ['netns', 'exec', name, ...program], {
      stdio: ['ignore', ipc ? 'inherit' : 'pipe', ipc ? 'inherit' : 'pipe', ...(ipc ? (['ipc'] as const) : [])],
    });
    const gone = once(child, 'exit');
    t.teardown(async () => {
      child.kill('SIGKILL');
      await gone;
    });
    return child;
  };
  const script = (file: string) => [process.execPath, join(import.meta.dirname, file)];

  /** What the host sends to outside, in words of tcpdump; neighbour discovery and the like aside. */
  const captured: string[] = [];
  let rest = '';
  const filter = 'tcp or udp or icmp or (icmp6 and ip6[40] < 128)';
  const dump = start(
    outside,
    [findProgram('tcpdump')!, '-i', 'door', '-Q', 'in', '-nltU', '--immediate-mode', filter],
    false,
  );
  dump.stdout!.on('data', (chunk: Buffer) => {
    const lines = (rest + String(chunk)).split('\n');
    rest = lines.pop()!;
    captured.push(...lines.filter(Boolean));
  });
  // Read to its end: it says this in several pieces, and a pipe closed in between would end it.
  await new Promise<void>((resolve, reject) => {
    let said = '';
    dump.stderr!.on('data', (chunk: Buffer) => {
      said += String(chunk);
      if (/listening on [^\n]*\n/.test(said)) resolve();
    });
    dump.once('exit', () => reject(new Error(`tcpdump ended: ${said}`)));
  });

  const stranger = start(outside, script('outside-child.ts'), true);
  await once(stranger, 'message');
  const ask = async (what: OutsideAsk): Promise<string> => {
    stranger.send(what);
    const [{ came }] = (await once(stranger, 'message')) as [{ came: string }];
    return came;
  };

  const knockers = [makeKnocker(Date.now), makeKnocker(Date.now)] as const;
  const memory = join(t.testdir(), 'knocks');
  /** Resolves with the process and what it says first. `before` stands before its command. */
  const serve = async (verb: BehindDoor['verb'] = 'serve', before: readonly string[] = [], prelude?: number) => {
    const credentials = knockers.map(({ credential: { secret, ...rest } }) => ({
      ...rest,
      kinds: ['mutual', 'bootstrap'] as const,
      secret: Buffer.from(secret).toString('base64'),
    }));
    const order: BehindDoor = {
      verb,
      mutual: mutualPort,
      bootstrap: bootstrapPort,
      ...(prelude === undefined ? {} : { prelude }),
      knockPort,
      memory: `${memory}-${made}`,
      credentials,
    };
    const child = start(inside, [...before, ...script('kernel-door-child.ts'), JSON.stringify(order)], true);
    const [said] = (await once(child, 'message')) as [{ ready?: true; refused?: string }];
    return { child, said };
  };

  return {
    /** A program in one of the two, with a channel to it; ends with the test. */
    start: (where: 'inside' | 'outside', program: readonly string[]) =>
      start({ inside, outside }[where], program, true),
    nft,
    ruleset: () => nft('list ruleset'),
    inside,
    captured,
    serve,
    knockers,
    /** As `act` in outside-child.ts. */
    connect: (from: string, { port = mutualPort, waitMs = 1500 } = {}) =>
      ask({ verb: 'connect', from, to: hostFor(from), port, waitMs }),
    echo: () => ask({ verb: 'echo', from: '', to: '', port: 0 }),
    send: (from: string, ...datagrams: readonly Uint8Array[]) => {
      const texts = datagrams.map((each) => Buffer.from(each).toString('base64'));
      return ask({ verb: 'send', from, to: hostFor(from), port: knockPort, datagrams: texts });
    },
  };
}

const nodad = (address: string): string[] => (address.includes(':') ? ['nodad'] : []);
const hostFor = (source: string): string => (source.includes(':') ? host.ipv6 : host.ipv4);
