/** Accepts counters of ten keys until it is killed, and tells each one only after it was accepted. */
import { writeSync } from 'node:fs';
import { FileReplayMemory } from '#shared/wire/doors/replay-memory.ts';

const memory = new FileReplayMemory(process.argv[2]!, { now: () => 1000 });
const run = async (key: string) => {
  for (let counter = 1; counter < 10_000; counter += 1) {
    if (await memory.accept(key, counter)) writeSync(1, `${key} ${counter}\n`);
  }
};
await Promise.all(Array.from({ length: 10 }, (_, index) => run(`key${index}`)));
