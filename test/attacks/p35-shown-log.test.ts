/** P35: what a gateway makes of the log that a controller shows it, when the controller lies, is silent, or opens another log. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { silentLog } from '#shared/base/log.ts';
import type { CheckpointShown } from '#shared/contracts/gateway-to-controller.ts';
import { generateEd25519 } from '#shared/crypto/ed25519.ts';
import { makeNoteSigner, signNote } from '#shared/log/note-signer.ts';
import { openedText } from '#shared/log/opened-log.ts';
import { listEvidence, pinAtJoin, readKept, writeKept } from '../../gateway/kept-log/kept-file.ts';
import { LogWatch } from '../../gateway/kept-log/watch-log.ts';
import { makeShownLog, type ShownLog, someEntries } from '../support/shown-log.ts';

const origin = 'test.example/log/1';
const honest = makeShownLog(origin, someEntries(300));

interface Asked {
  readonly log: string;
  readonly kept?: string | undefined;
}

/** A gateway that pinned the key of `honest`, and whatever controller the test wants. */
function gateway(t: Test) {
  const dir = t.testdir();
  writeKept(dir, { key: honest.key, former: [] });
  const told: { event: string; details: Record<string, unknown> }[] = [];
  const asked: Asked[] = [];
  let answer: (body: Asked) => CheckpointShown = () => ({ path: [], opened: [] });
  const open = () =>
    new LogWatch({
      dir,
      log: silentLog,
      tell: (event, details) => told.push({ event, details }),
      link: {
        client: {
          checkpoint: async (input: { body: Asked }) => {
            asked.push(input.body);
            return answer(input.body);
          },
        } as never,
      },
    });
  const watch = open();
  return {
    dir,
    told,
    asked,
    watch,
    open,
    async shows(shown: Partial<CheckpointShown> | Error) {
      answer = () => {
        if (shown instanceof Error) throw shown;
        return { path: [], opened: [], ...shown };
      };
      await watch.look();
    },
    kept: () => readKept(dir)?.checkpoint,
  };
}

const grown = (log: ShownLog, from: number, to: number) => ({
  checkpoint: log.checkpoint(to),
  path: log.path(from, to),
});

t.test('P35 what goes on from the kept one is kept, and asked for by it', async (t) => {
  const { shows, kept, asked, told, watch, dir } = gateway(t);
  await shows({ checkpoint: honest.checkpoint(40) });
  t.equal(kept(), honest.checkpoint(40), 'the first');
  await shows(grown(honest, 40, 257));
  await shows({ checkpoint: honest.checkpoint(257) });
  t.equal(kept(), honest.checkpoint(257));
  t.match(watch.state(), { state: 'kept', size: 257, ageSeconds: 0 });
  t.same(asked.at(-1), { log: origin, kept: honest.checkpoint(257) });
  t.same([told, listEvidence(dir)], [[], []]);
});

t.test('P35 a controller that shows nothing, or does not answer, is no alarm', async (t) => {
  const { shows, kept, told, watch } = gateway(t);
  await shows({ checkpoint: honest.checkpoint(40) });
  await shows({});
  await shows({ held: 'restored' });
  await shows(new Error('not there'));
  t.equal(kept(), honest.checkpoint(40));
  t.match(watch.state(), { state: 'kept', size: 40 });
  t.same(told, []);
});

const forged = makeNoteSigner(origin, generateEd25519());
const fork = honest.rewritten(20);
for (const [name, why, shown] of [
  ['a tree in which an old entry was rewritten, signed with the real key', 'forked', grown(fork, 40, 100)],
  ['the same without a proof', 'forked', { checkpoint: fork.checkpoint(100) }],
  ['the true tree without a proof', 'forked', { checkpoint: honest.checkpoint(100) }],
  [
    'the true tree with the proof of another',
    'forked',
    { checkpoint: honest.checkpoint(100), path: fork.path(40, 100) },
  ],
  ['another tree of the same size', 'forked', { checkpoint: fork.checkpoint(40) }],
  ['a tree that was cut', 'smaller', { checkpoint: honest.checkpoint(39) }],
  ['an empty tree', 'smaller', { checkpoint: makeShownLog(origin, [], honest.signer.privateKey).checkpoint(0) }],
  ['another key', 'signature', { ...grown(honest, 40, 100), checkpoint: honest.checkpoint(100, [forged]) }],
  [
    'another log with a key of its own',
    'signature',
    { checkpoint: makeShownLog('test.example/log/2', someEntries(50)).checkpoint(50) },
  ],
  ['no note at all', 'signature', { checkpoint: 'trust me' }],
] as const satisfies readonly (readonly [string, string, Partial<CheckpointShown>])[]) {
  t.test(`P35 alarm, and the good one stays: ${name}`, async (t) => {
    const { shows, kept, told, watch, dir, open } = gateway(t);
    await shows({ checkpoint: honest.checkpoint(40) });
    for (let times = 0; times < 3; times += 1) await shows(shown as Partial<CheckpointShown>);
    t.equal(kept(), honest.checkpoint(40));
    t.match(told, [{ event: 'log-inconsistent', details: { why, kept: { size: 40 } } }], 'told once');
    const [evidence, ...more] = listEvidence(dir);
    t.same(more, []);
    t.equal(readFileSync(join(dir, 'log/evidence', `${evidence}.kept`), 'utf8'), honest.checkpoint(40));
    t.equal(readFileSync(join(dir, 'log/evidence', `${evidence}.shown`), 'utf8'), shown.checkpoint);
    await shows(grown(honest, 40, 257));
    t.equal(kept(), honest.checkpoint(257), 'the true log is followed');
    t.match(watch.state(), { state: 'inconsistent', size: 257 }, 'and the alarm goes on');
    t.match(open().state(), { state: 'inconsistent', size: 257 }, 'after a restart too');
  });
}

t.test('P35 a controller that lies each time fills no disk', async (t) => {
  const { shows, told, dir } = gateway(t);
  await shows({ checkpoint: honest.checkpoint(40) });
  for (let size = 41; size < 80; size += 1) await shows({ checkpoint: fork.checkpoint(size) });
  t.equal(listEvidence(dir).length, 16);
  t.equal(told.length, 16);
});

const second = makeShownLog('test.example/log/2', someEntries(30));
const third = makeShownLog('test.example/log/3', someEntries(10));
const declares = (from: ShownLog, size: number, to: ShownLog) =>
  signNote(openedText({ key: to.signer.key, former: from.head(size) }), [from.signer, to.signer]);

t.test(
  'P35 another log that is declared under the key of the former one is followed, and told as an alarm',
  async (t) => {
    const { shows, kept, told, dir, watch } = gateway(t);
    await shows({ checkpoint: honest.checkpoint(40) });
    const opened = [declares(honest, 33, second), declares(second, 20, third)];
    await shows({ opened, checkpoint: third.checkpoint(4) });
    t.equal(kept(), third.checkpoint(4));
    t.same(readKept(dir)?.former, [{ key: honest.key, checkpoint: honest.checkpoint(40) }, { key: second.key }]);
    t.match(told, [
      {
        event: 'log-replaced',
        details: {
          by: 'declared',
          kept: { log: origin, size: 40 },
          declared: [{ former: { size: 33 } }, { log: third.origin }],
        },
      },
    ]);
    await shows({ ...grown(third, 4, 9), opened });
    t.equal(kept(), third.checkpoint(9));
    t.match(watch.state(), { state: 'kept', size: 9 });
    t.equal(told.length, 1);
  },
);

t.test('P35 a log that is declared by anybody else is not followed', async (t) => {
  const { shows, kept, told } = gateway(t);
  await shows({ checkpoint: honest.checkpoint(40) });
  const stranger = makeShownLog(origin, someEntries(300));
  await shows({ opened: [declares(stranger, 33, second)], checkpoint: second.checkpoint(4) });
  await shows({ opened: [declares(second, 20, third)], checkpoint: third.checkpoint(4) });
  t.equal(kept(), honest.checkpoint(40));
  t.match(told, [{ event: 'log-inconsistent', details: { why: 'signature' } }, { event: 'log-inconsistent' }]);
});

t.test('P35 a controller that opens one log after the other pushes out nothing of what is kept', async (t) => {
  const { shows, dir, told, watch } = gateway(t);
  await shows({ checkpoint: honest.checkpoint(40) });
  const logs = [
    honest,
    ...Array.from({ length: 100 }, (_, at) => makeShownLog(`test.example/log/${at + 2}`, someEntries(3))),
  ];
  const opened: string[] = [];
  for (let at = 1; at < logs.length; at += 1) {
    opened.push(declares(logs[at - 1]!, 2, logs[at]!));
    await shows({ opened: opened.slice(-32), checkpoint: logs[at]!.checkpoint(3) });
  }
  const { former } = readKept(dir)!;
  t.same(former[0], { key: honest.key, checkpoint: honest.checkpoint(40) }, 'the first is still there');
  t.ok(former.length <= 64);
  t.match(told.at(-1), { event: 'log-inconsistent', details: { why: 'signature' } }, 'no more are followed');
  t.equal(told.filter(({ event }) => event === 'log-replaced').length, 64);
  t.match(watch.state(), { state: 'inconsistent' });
});

t.test('P35 what is kept and cannot be read is written over by nobody, and says what to do', async (t) => {
  const { dir, watch, shows } = gateway(t);
  const file = join(dir, 'log/kept.json');
  for (const text of ['{"key":"test', '{"key":1}', '']) {
    writeFileSync(file, text);
    t.throws(() => readKept(dir), { code: 'invalid-config', message: /is damaged: put it back from a backup/ });
    t.throws(() => pinAtJoin(dir, honest.key, 'test.example'), { code: 'invalid-config' });
    await shows({ checkpoint: honest.checkpoint(200) });
    t.equal(readFileSync(file, 'utf8'), text);
    t.match(watch.state(), { state: 'unpinned' });
  }
  rmSync(file);
  mkdirSync(file);
  t.throws(() => readKept(dir), { code: 'invalid-config', message: /cannot be read: EISDIR/ });
});
