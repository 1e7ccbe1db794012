/** From `npm start` to ready, on a new directory and on one that was used before. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { portNames } from '../../deploy/quickstart/ports.ts';
import { root } from '../support/source-tree.ts';
import { freeRange, stopTriangle } from '../support/triangle.ts';
import { type Bench, median } from './measure.ts';

async function start(dir: string, base: string): Promise<number> {
  const args = ['deploy/quickstart/main.ts', '--json', '--dir', dir, '--port-base', base];
  const began = performance.now();
  const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
  const failed = once(child, 'exit').then(() => Promise.reject(new Error('the quickstart ended before it was ready')));
  await Promise.race([once(createInterface({ input: child.stdout }), 'line'), failed]);
  failed.catch(() => {});
  const took = performance.now() - began;
  await stopTriangle(child);
  return took;
}

export const quickstart: Bench = {
  name: 'quickstart',
  about: 'seconds from npm start to ready; median of three',
  async run() {
    const first: number[] = [];
    const again: number[] = [];
    for (let round = 0; round < 3; round++) {
      const base = String(await freeRange(portNames.length));
      const dir = mkdtempSync(join(tmpdir(), 'postern-bench-'));
      first.push(await start(dir, base));
      again.push(await start(dir, base));
      rmSync(dir, { recursive: true });
    }
    const seconds = (values: number[]) => `${(median(values) / 1000).toFixed(1)} s`;
    return [
      { what: 'ready, first start', measured: seconds(first) },
      { what: 'ready, second start', measured: seconds(again) },
    ];
  },
};
