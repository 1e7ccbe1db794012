/** Grants issued by one process: facts, decision, snapshot, record, row and signature in a store in memory. */
import { PolicyDesk } from '../support/policy-desk.ts';
import { type Bench, percentile, perSecond, whole } from './measure.ts';

const operations = 500;

export const grants: Bench = {
  name: 'grants',
  about: 'grants a second, store in memory, one after another, signature checked',
  async run() {
    const desk = await PolicyDesk.open();
    await desk.publish('permit (principal, action, resource);');
    const took: number[] = [];
    const rate = await perSecond(operations, async () => {
      for (let n = 0; n < operations; n++) {
        const began = performance.now();
        await desk.grant();
        took.push(performance.now() - began);
      }
    });
    await desk.store.stop();
    return [{ what: 'grants a second', measured: whole(rate), beside: `p99 ${percentile(took, 0.99).toFixed(1)} ms` }];
  },
};
