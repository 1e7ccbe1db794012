/** From `npm start` to ready, on a new directory and on one that was used before. */
import { join } from 'node:path';
import { portNames } from '../../deploy/quickstart/ports.ts';
import { freeRange } from '../support/triangle.ts';
import { type Bench, median } from './measure.ts';
import { startQuickstart } from './quickstart-process.ts';

export const quickstart: Bench = {
  name: 'quickstart',
  about: 'seconds from npm start to ready; median of three',
  async run({ dir, defer, tell }) {
    const first: number[] = [];
    const again: number[] = [];
    for (let round = 0; round < 3; round++) {
      const base = await freeRange(portNames.length);
      for (const took of [first, again]) {
        const triangle = await startQuickstart(join(dir, String(round)), base);
        defer(triangle.stop);
        took.push(triangle.tookMs);
        tell(`ready after ${(triangle.tookMs / 1000).toFixed(1)} s`);
        await triangle.stop();
      }
    }
    const seconds = (values: number[]) => `${(median(values) / 1000).toFixed(1)} s`;
    return [
      { what: 'ready, first start', measured: seconds(first) },
      { what: 'ready, second start', measured: seconds(again) },
    ];
  },
};
