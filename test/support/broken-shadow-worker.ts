/** The thread of a draft that breaks, or never comes to an end, at the first decision. */
import { parentPort, workerData } from 'node:worker_threads';

const { files } = workerData as { files: readonly { id: string }[] };
parentPort?.on('message', ({ t }: { t: string }) => {
  if (t !== 'decided') return;
  if (files[0]?.id === 'breaks') throw new Error('the draft breaks');
  for (;;);
});
parentPort?.postMessage({ t: 'ready' });
