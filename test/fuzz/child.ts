/** The process of one target: a crash or a hang is seen by the parent, whatever it does to this one. */
import { runBlocks } from './run-blocks.ts';
import { targets } from './targets.ts';

const [name = '', seed = '0', from = '0', seconds = '0', blocks = '0', cases = '0'] = process.argv.slice(2);
const target = targets.find((one) => one.name === name);
if (target === undefined || process.send === undefined) throw new Error(`there is no target ${name}`);

const tell = (message: object) => process.send?.(message);
const first = Number(from);
const report = await runBlocks(target, {
  seed: Number(seed),
  from: first,
  until: ({ block, seconds: passed, cases: done }) => {
    if (Number(blocks) > 0) return block - first + 1 >= Number(blocks);
    return Number(cases) > 0 ? done >= Number(cases) : passed >= Number(seconds);
  },
  onBlock: (block) => tell({ kind: 'block', block }),
  onProgress: (progress) => tell({ kind: 'progress', progress }),
});
process.send({ kind: 'done', report }, () => process.exit(0));
