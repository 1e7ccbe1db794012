/** Steady traffic of one person while something is done to the triangle: requests one after the other, and streams that must not end. */
import { askThroughAgent } from '../../deploy/quickstart/journey/through-agent.ts';
import type { PersonId } from '../../deploy/quickstart/state.ts';
import { openStreams, type Running } from './open-streams.ts';
import type { SteeredTriangle } from './steered-triangle.ts';

export interface Load {
  /** Requests answered with 200 so far. */
  answered(): number;
  /** What went otherwise, in words. */
  readonly failures: readonly string[];
  readonly streams: readonly Running[];
  /** Resolves after `count` more answers, or with the first failure. */
  more(count: number): Promise<void>;
  stop(): Promise<void>;
}

/** `lanes` requests run at a time, on the app `wiki` and, as every fourth, `live`. */
export async function startLoad(triangle: SteeredTriangle, person: PersonId, lanes = 4): Promise<Load> {
  const port = triangle.portalPort(person);
  const streams = await openStreams(triangle, person, ['events', 'websocket', 'tunnel']);
  const failures: string[] = [];
  let answered = 0;
  let going = true;
  const waiting = new Set<{ readonly until: number; readonly done: () => void }>();
  const look = () => {
    for (const one of waiting) {
      if (answered < one.until && failures.length === 0) continue;
      waiting.delete(one);
      one.done();
    }
  };
  for (const { kind, ended } of streams) {
    void ended.then(() => {
      if (going) failures.push(`the ${kind} stream ended`);
      look();
    });
  }
  const lane = async () => {
    for (let n = 0; going; n += 1) {
      const ask = n % 4 === 3 ? { port, app: 'live', path: '/' } : { port, app: 'wiki', path: '/pages/home' };
      try {
        const { status, text } = await askThroughAgent(ask);
        if (status === 200) answered += 1;
        else failures.push(`${ask.app} ${status}: ${text.slice(0, 200)}`);
      } catch (error) {
        failures.push(`${ask.app}: ${String(error)}`);
      }
      look();
      // Four people reading, not four machines hammering: the test shares its processors with what it tests.
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  };
  const running = Array.from({ length: lanes }, lane);
  const talk = setInterval(() => {
    for (const { send } of streams) send('still there\n');
  }, 200);
  return {
    answered: () => answered,
    failures,
    streams,
    more: (count) =>
      new Promise((resolve) => {
        waiting.add({ until: answered + count, done: resolve });
        look();
      }),
    async stop() {
      going = false;
      clearInterval(talk);
      await Promise.all(running);
      for (const stream of streams) stream.close();
    },
  };
}
