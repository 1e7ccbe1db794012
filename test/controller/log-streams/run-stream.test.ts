/** One stream without a network: what it reads, keeps, sends again and puts aside. */
import t from 'tap';
import { systemClock } from '#shared/base/clock.ts';
import type { PlacedRecord } from '../../../controller/log/page-records.ts';
import { StreamRun } from '../../../controller/log-streams/run-stream.ts';
import type { Aside, StreamState } from '../../../controller/log-streams/stream-order.ts';
import { type Outcome, type Sender, Trouble } from '../../../controller/log-streams/target.ts';

const record = (position: number): PlacedRecord => ({
  position,
  record: {
    id: `rec_${position}`,
    time: position,
    kind: 'log',
    phase: 'single',
    trace: '',
    verdict: 'none',
    reasons: [],
  },
});

interface Rig {
  readonly log: PlacedRecord[];
  send(positions: number[]): Outcome | Promise<Outcome>;
  readonly confirm?: (sent: number[]) => void;
  readonly until?: number;
}

/** Runs until nothing is left to do; or, for targets that never take anything, for so many waits. */
async function run({ log, send, confirm, until }: Rig, mostWaits = 60) {
  const sent: number[][] = [];
  const acked: number[] = [];
  const asides: Aside[] = [];
  const states: StreamState[] = [];
  const waits: number[] = [];
  let open: number[] = [];
  const sender: Sender = {
    async send(records) {
      const positions = records.map(({ time }) => time);
      sent.push(positions);
      const outcome = await send(positions);
      open.push(...positions.slice(0, outcome.settled));
      return outcome;
    },
    close() {
      open = [];
    },
    ...(confirm === undefined
      ? {}
      : {
          async confirm() {
            confirm(open);
            open = [];
          },
        }),
  };
  const order = { name: 's', kind: 'otlp', format: 'otlp', settings: {}, secrets: {}, born: 0, position: 0 } as const;
  const stream = new StreamRun(until === undefined ? order : { ...order, until }, {
    async read({ after, through, limit }) {
      const records = log.filter(({ position }) => position > after && position <= through).slice(0, limit);
      return { records, more: records.length === limit };
    },
    keeper: {
      ack: async (_, { position }) => void acked.push(position),
      putAside: async (_, aside) => void asides.push(aside),
    },
    sender,
    tell: (state) => void states.push(state),
    clock: systemClock,
    random: () => 0,
    async wait(ms) {
      waits.push(ms);
      const isDone =
        Math.max(0, ...acked, ...asides.map(({ position }) => position)) >= (until ?? log.at(-1)!.position);
      if (isDone || waits.length >= mostWaits) stream.stop();
    },
  });
  await stream.run();
  return { sent, acked, asides, states, waits };
}

const all = (positions: number[]): Outcome => ({ settled: positions.length });
const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, at) => from + at);

t.test('in order, in batches, each kept before the next', async (t) => {
  const { sent, acked, states } = await run({ log: numbers(1, 1200).map(record), send: all });
  t.same(
    sent.map(({ length }) => length),
    [500, 500, 200],
  );
  t.same(sent.flat(), numbers(1, 1200));
  t.same(acked, [500, 1000, 1200]);
  t.same(states, []);
});

t.test(
  'a target that is away is tried again, ever more slowly, from what had arrived; nothing is put aside',
  async (t) => {
    let tries = 0;
    const send = (positions: number[]) => {
      tries += 1;
      if (tries > 1 && tries < 12) throw new Trouble('it answered 503', tries === 2 ? { afterMs: 7000 } : {});
      return all(positions);
    };
    const { sent, acked, asides, states, waits } = await run({ log: numbers(1, 600).map(record), send });
    t.same(
      sent.slice(1).map(([first]) => first),
      Array(11).fill(501),
    );
    t.same(acked, [500, 600]);
    t.same(asides, []);
    t.equal(waits[0], 7000, 'as it asked');
    t.same(waits.slice(1, 10), [500, 1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000]);
    t.match(states.at(-2), { trouble: { why: 'it answered 503', tries: 10 } });
    t.same(states.at(-1), { name: 's' }, 'all is well again');
  },
);

t.test(
  'a record that is refused is found, tried three times by itself, put aside by name, and the rest goes on',
  async (t) => {
    const send = (positions: number[]) => {
      if (positions.includes(137)) throw new Trouble('it answered 400', { content: true });
      return all(positions);
    };
    const { sent, asides, acked } = await run({ log: numbers(1, 600).map(record), send });
    t.match(asides, [{ position: 137, ids: ['rec_137'], count: 1, why: 'it answered 400' }]);
    t.equal(sent.filter((positions) => positions.length === 1 && positions[0] === 137).length, 3);
    const taken = sent.filter((positions) => !positions.includes(137)).flat();
    t.same(
      taken,
      numbers(1, 600).filter((n) => n !== 137),
      'each of the others once',
    );
    t.equal(acked.at(-1), 600);
  },
);

t.test(
  'one that answers for each record: refused ones are put aside, and what it cannot take now comes again',
  async (t) => {
    let isFirst = true;
    const send = (positions: number[]): Outcome => {
      if (!isFirst) return all(positions);
      isFirst = false;
      return {
        settled: 6,
        refused: [
          { index: 2, why: '400' },
          { index: 4, why: '400' },
        ],
        rest: new Trouble('429'),
      };
    };
    const { sent, asides, acked } = await run({ log: numbers(1, 10).map(record), send });
    t.match(asides, [
      { position: 3, ids: ['rec_3'], arrived: 2 },
      { position: 5, ids: ['rec_5'], arrived: 1 },
    ]);
    t.same(sent, [numbers(1, 10), numbers(7, 10)]);
    t.same(acked, [6, 10]);
  },
);

t.test('a target that refuses everything is at fault itself: five are put aside, and then it waits', async (t) => {
  const send = () => {
    throw new Trouble('it answered 400', { content: true });
  };
  const { asides, acked, states } = await run({ log: numbers(1, 40).map(record), send });
  t.same(
    asides.map(({ position }) => position),
    [1, 2, 3, 4, 5],
  );
  t.same(acked, []);
  t.match(states.at(-1), { trouble: { why: 'it answered 400' } });
  const each = (positions: number[]): Outcome => ({
    settled: positions.length,
    refused: positions.map((_, index) => ({ index, why: '400 no mapping' })),
  });
  t.equal(
    (await run({ log: numbers(1, 40).map(record), send: each })).asides.length,
    5,
    'as one that answers for each',
  );
});

t.test('refused, but not said which: told as what it is, and not sent again', async (t) => {
  const send = (positions: number[]): Outcome => ({ settled: positions.length, unnamed: { count: 2, why: 'too old' } });
  const { sent, asides } = await run({ log: numbers(1, 10).map(record), send });
  t.equal(sent.length, 1);
  t.match(asides, [{ position: 10, first: 1, last: 10, ids: ['rec_1', 'rec_10'], count: 2, arrived: 8 }]);
});

t.test(
  'a target that does not answer: nothing counts as arrived until the connection was closed by both',
  async (t) => {
    let isFirst = true;
    const confirmed: number[] = [];
    const confirm = (open: number[]) => {
      if (isFirst) {
        isFirst = false;
        throw new Trouble('the connection broke');
      }
      confirmed.push(...open);
    };
    const { acked, sent } = await run({ log: numbers(1, 10).map(record), send: all, confirm, until: 10 });
    t.same(acked, [10]);
    t.same(sent, [numbers(1, 10), numbers(1, 10)], 'all of it again');
    t.same(confirmed, numbers(1, 10));
  },
);

t.test('paused: nothing behind the record that says so', async (t) => {
  const { sent, acked } = await run({ log: numbers(1, 20).map(record), send: all, until: 12 });
  t.same(sent.flat(), numbers(1, 12));
  t.same(acked, [12]);
});

for (const confirms of [false, true])
  t.test(
    `ended in order, what is on its way is answered and kept${confirms ? ', once it is confirmed' : ''}`,
    async (t) => {
      const acked: number[] = [];
      const going = Promise.withResolvers<void>();
      const answer = Promise.withResolvers<void>();
      const stream = new StreamRun(
        { name: 's', kind: 'otlp', format: 'otlp', settings: {}, secrets: {}, born: 0, position: 0 },
        {
          read: async ({ after }) => ({ records: [record(after + 1)], more: true }),
          keeper: { ack: async (_, { position }) => void acked.push(position), putAside: async () => {} },
          sender: {
            async send({ length }) {
              going.resolve();
              await answer.promise;
              return { settled: length };
            },
            ...(confirms ? { confirm: async () => {} } : {}),
            close() {},
          },
          tell: () => {},
          clock: systemClock,
        },
      );
      const done = stream.run();
      await going.promise;
      stream.end();
      answer.resolve();
      await done;
      t.same(acked, [1], 'and nothing else was sent');
    },
  );

t.test('ended while it waits for a target that is away, it does not wait', async () => {
  const waiting = Promise.withResolvers<void>();
  const stream = new StreamRun(
    { name: 's', kind: 'otlp', format: 'otlp', settings: {}, secrets: {}, born: 0, position: 0 },
    {
      read: async () => ({ records: [record(1)], more: false }),
      keeper: { ack: async () => {}, putAside: async () => {} },
      sender: { send: () => Promise.reject(new Trouble('it answered 503', { afterMs: 600_000 })), close() {} },
      tell: () => waiting.resolve(),
      clock: systemClock,
    },
  );
  const done = stream.run();
  await waiting.promise;
  stream.end();
  await done;
});

t.test('what cannot be kept ends the run: it never goes on from there, and lets go of its target', async (t) => {
  let closed = 0;
  const stream = new StreamRun(
    { name: 's', kind: 'otlp', format: 'otlp', settings: {}, secrets: {}, born: 0, position: 0 },
    {
      read: async () => ({ records: [record(1)], more: false }),
      keeper: { ack: () => Promise.reject(new Error('another has it')), putAside: async () => {} },
      sender: {
        send: async () => ({ settled: 1 }),
        close: () => {
          closed += 1;
        },
      },
      tell: () => {},
      clock: systemClock,
    },
  );
  await t.rejects(stream.run(), /another has it/);
  t.equal(closed, 1);
});
