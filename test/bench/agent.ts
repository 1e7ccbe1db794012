/**
 * Memory of an agent: idle after a warm start, beside a Node that does nothing, and its slope under load. Minutes of load:
 * BENCH_AGENT_MINUTES, 10 unless told.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { agentClient } from '../../deploy/quickstart/clients.ts';
import { portNames } from '../../deploy/quickstart/ports.ts';
import type { PersonId } from '../../deploy/quickstart/state.ts';
import { freeRange } from '../support/triangle.ts';
import { type Bench, median, times, whole } from './measure.ts';
import { startQuickstart } from './quickstart-process.ts';

const minutes = Number(process.env['BENCH_AGENT_MINUTES'] ?? 10);
const settleMs = 20_000;
const sampleMs = 2_000;
const clients = 8;

/** Megabytes (10^6) of the process that are in memory, shared pages of its program included. */
function residentOf(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return (Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) * 1024) / 1e6;
}

function startBareNode(): ChildProcess {
  return spawn(process.execPath, ['-e', 'setInterval(() => {}, 1e6)'], { stdio: 'ignore' });
}

export const agent: Bench = {
  name: 'agent',
  about: `an agent's memory: idle after a warm start beside bare Node, and its slope in ${minutes} minutes of load`,
  async run({ dir, defer, tell }) {
    const base = await freeRange(portNames.length);
    tell('a first start, which fills the compile cache of Node');
    await (await startQuickstart(dir, base)).stop();
    const bare = startBareNode();
    defer(() => bare.kill());
    const triangle = await startQuickstart(dir, base);
    defer(triangle.stop);
    const { people } = triangle.ready;
    const pidOf = async (person: PersonId) => (await agentClient(people[person].agentSocket).status({})).pid;
    const pids = await Promise.all((Object.keys(people) as PersonId[]).map(pidOf));
    tell(`idle for ${settleMs / 1000} s`);
    await sleep(settleMs);
    const idle = median(pids.map(residentOf));
    const beside = residentOf(bare.pid!);
    tell(`${minutes} minutes of load`);
    const { requests, slope, last } = await load(await pidOf('emil'), Number(new URL(people.emil.portal).port));
    return [
      {
        what: 'agent idle, median of three',
        measured: `${idle.toFixed(0)} MB`,
        beside: `${times(idle / beside)} bare Node (${beside.toFixed(0)} MB)`,
      },
      {
        what: `agent in ${minutes} minutes of load (${whole(requests)} requests)`,
        measured: `${slope.toFixed(2)} MB a minute`,
        beside: `${last.toFixed(0)} MB at the end`,
      },
    ];
  },
};

/** Requests through the agent's proxy by `clients` connections; the slope is a straight line through the last four fifths. */
async function load(pid: number, port: number): Promise<{ requests: number; slope: number; last: number }> {
  const pool = new Agent({ keepAlive: true, maxSockets: clients });
  const until = performance.now() + minutes * 60_000;
  let requests = 0;
  const fetchOne = () =>
    new Promise<void>((resolve, reject) => {
      const options = {
        agent: pool,
        port,
        path: 'http://wiki.corp.internal/pages/home',
        headers: { host: 'wiki.corp.internal' },
      };
      get(options, (answer) => {
        if (answer.statusCode !== 200) return reject(new Error(`the agent answered ${answer.statusCode}`));
        answer.resume().once('end', resolve);
        return undefined;
      }).once('error', reject);
    });
  const run = async () => {
    while (performance.now() < until) {
      await fetchOne();
      requests += 1;
    }
  };
  const samples: { readonly minute: number; readonly mb: number }[] = [];
  const timer = setInterval(() => samples.push({ minute: performance.now() / 60_000, mb: residentOf(pid) }), sampleMs);
  try {
    await Promise.all(Array.from({ length: clients }, run));
  } finally {
    clearInterval(timer);
    pool.destroy();
  }
  const steady = samples.slice(Math.floor(samples.length / 5));
  return { requests, slope: slopeOf(steady), last: samples.at(-1)?.mb ?? Number.NaN };
}

/** Least squares, in MB a minute. */
function slopeOf(samples: readonly { readonly minute: number; readonly mb: number }[]): number {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const minute = mean(samples.map((sample) => sample.minute));
  const mb = mean(samples.map((sample) => sample.mb));
  const along = samples.reduce((sum, sample) => sum + (sample.minute - minute) * (sample.mb - mb), 0);
  return along / samples.reduce((sum, sample) => sum + (sample.minute - minute) ** 2, 0);
}
