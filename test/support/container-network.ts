/** A network namespace joined to this machine by a veth pair, as a container network joins one: "the container". */
import { spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import type { Test } from 'tap';
import { type Ran, runTool } from './journey-tools.ts';
import { findProgram, type Needs, needs } from './programs.ts';

export interface ContainerNetwork {
  /** This machine's address on the bridge: what a container calls its gateway. */
  readonly address: string;
  /** The container's own. */
  readonly inside: string;
  /** Runs a program in the container to its end. */
  run(program: string, ...args: string[]): Promise<Ran>;
  /** The command line that does, for programs that stay. */
  command(program: string, ...args: string[]): readonly [string, ...string[]];
}

const ip = (...args: string[]) => spawnSync(findProgram('ip') ?? 'ip', args, { encoding: 'utf8' });

export function needsContainerNetwork(...programs: string[]): Needs {
  const found = needs('ip', ...programs);
  if (found.skip !== false) return found;
  const name = `postern-probe-${process.pid}`;
  const made = ip('netns', 'add', name);
  ip('netns', 'del', name);
  return made.status === 0 ? found : { ...found, skip: 'making a network namespace takes root' };
}

export function makeContainerNetwork(t: Test): ContainerNetwork {
  const id = `${process.pid % 100_000}-${randomInt(100)}`;
  const name = `postern-client-${id}`;
  const [outside, within] = [`pc${id}a`, `pc${id}b`];
  const net = `10.${randomInt(200, 250)}.${randomInt(256)}`;
  const address = `${net}.1`;
  const inside = `${net}.2`;
  t.teardown(() => {
    ip('link', 'del', outside);
    ip('netns', 'del', name);
  });
  for (const line of [
    `netns add ${name}`,
    `link add ${outside} type veth peer name ${within} netns ${name}`,
    `address add ${address}/30 dev ${outside}`,
    `link set ${outside} up`,
    `-n ${name} address add ${inside}/30 dev ${within}`,
    `-n ${name} link set ${within} up`,
    `-n ${name} link set lo up`,
  ]) {
    const { status, stderr } = ip(...line.split(' '));
    if (status !== 0) throw new Error(`ip ${line}: ${stderr}`);
  }
  const command = (program: string, ...args: string[]) =>
    [findProgram('ip') ?? 'ip', 'netns', 'exec', name, findProgram(program) ?? program, ...args] as const;
  return {
    address,
    inside,
    command,
    run(program, ...args) {
      const [first, ...rest] = command(program, ...args);
      return runTool(first, rest);
    },
  };
}
