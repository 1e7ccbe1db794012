/** Waiting for the person, and the table of what follows a refusal, without sockets. */
import t from 'tap';
import { type ErrorCode, PosternError } from '#shared/base/errors.ts';
import type { LocalEvent } from '../../../client-agent/agent-api.ts';
import { Holds } from '../../../client-agent/grants/holds.ts';
import { type Attempt, nextStep } from '../../../client-agent/grants/next-step.ts';
import type { pause } from '../../../client-agent/grants/pause.ts';

const order = {
  app: 'wiki',
  act: 'request',
  exact: { method: 'GET', host: 'wiki.test', path: '/a', query: 'token=secret' },
  trace: '0'.repeat(32),
} as const;
const refusal = new PosternError('step-up-required', 'no', { tell: 'Confirm your second factor.' });

function world() {
  const clock = { time: 1000, now: () => clock.time };
  const events: LocalEvent[] = [];
  const pauses: { ms: number; end: () => void }[] = [];
  /** Ends when the test says so, or by the signal. */
  const fakePause: typeof pause = (ms, signal) =>
    new Promise((resolve, reject) => {
      pauses.push({ ms, end: resolve });
      signal?.addEventListener('abort', () => reject(signal.reason));
    });
  const holds = new Holds({ clock, emit: (event) => events.push(event), pause: fakePause });
  return { clock, events, holds, pauses };
}

t.test('held for 90 s in all, then an end that says why', async (t) => {
  const { clock, events, holds, pauses } = world();
  const holding = holds.begin(order, 'step-up', refusal, order.trace);
  t.match(events, [{ type: 'hold', hold: { kind: 'step-up', purpose: 'step-up', since: 1000, until: 91_000 } }]);
  t.notMatch(JSON.stringify(events), 'secret', 'a query is shown to nobody');
  const first = holding.wait(holds.version);
  t.equal(pauses[0]!.ms, 90_000);
  clock.time += 60_000;
  holds.changed();
  await first;
  const second = holding.wait(holds.version);
  t.equal(pauses[1]!.ms, 30_000, 'what has been waited counts');
  pauses[1]!.end();
  await t.rejects(second, {
    code: 'held-too-long',
    tell: 'Confirm your second factor.',
    extra: { because: 'step-up-required' },
  });
  clock.time += 60_000;
  await t.rejects(holding.wait(holds.version), { code: 'held-too-long' });
  holding.end('too-long');
  holding.end('too-long');
  t.same(holds.list(), []);
  t.equal(events.filter(({ type }) => type === 'hold-ended').length, 1);
});

t.test('what changed during the attempt counts; who leaves or declines stops waiting', async (t) => {
  const { holds, pauses } = world();
  const before = holds.version;
  holds.changed();
  const holding = holds.begin(order, 'step-up', refusal, order.trace);
  await holding.wait(before);
  t.equal(pauses.length, 0);
  const leaving = new AbortController();
  const waiting = holding.wait(holds.version, leaving.signal);
  leaving.abort(new Error('gone'));
  await t.rejects(waiting, { message: 'gone' });
  const declined = holding.wait(holds.version);
  holds.giveUp(holds.list()[0]!.id);
  await t.rejects(declined, { code: 'step-up-required' });
});

t.test('only so many wait', async (t) => {
  const { holds } = world();
  for (let n = 0; n < 128; n += 1) holds.begin(order, 'step-up', refusal, order.trace);
  t.throws(() => holds.begin(order, 'step-up', refusal, order.trace), { code: 'step-up-required' });
});

t.test('the table of next steps', async (t) => {
  const first: Attempt = { by: 'gateway', canRepeat: true, canHold: true, asks: 0, renewals: 0, repetitions: 0 };
  const cases: [ErrorCode, Partial<Attempt>, string, Record<string, unknown>?][] = [
    ['grant-expired', {}, 'renew'],
    ['grant-revoked', { renewals: 1 }, 'throw'],
    ['grant-expired', { canRepeat: false }, 'throw'],
    ['grant-key-unknown', {}, 'again'],
    ['grant-key-unknown', { repetitions: 1 }, 'renew'],
    ['grant-key-unknown', { repetitions: 1, renewals: 1 }, 'throw'],
    ['grant-early', { repetitions: 2 }, 'again'],
    ['grant-early', { repetitions: 3 }, 'throw'],
    ['rules-refused', {}, 'ask'],
    ['rules-refused', { canRepeat: false }, 'ask'],
    ['rules-refused', { asks: 1 }, 'throw'],
    ['rules-unknown', {}, 'throw'],
    ['gateway-stale', {}, 'other-gateway'],
    ['record-failed', {}, 'other-gateway'],
    ['peer-refused', {}, 'renew'],
    ['peer-refused', { renewals: 1 }, 'other-gateway'],
    ['unreachable', { canRepeat: false }, 'throw'],
    ['app-unreachable', {}, 'throw'],
    ['limit-reached', {}, 'throw'],
    ['cross-site', {}, 'throw'],
    ['step-up-required', {}, 'hold'],
    ['sign-in-again', {}, 'hold'],
    ['device-unfit', { by: 'controller' }, 'hold'],
    ['session-required', { by: 'controller', canHold: false }, 'throw'],
    ['not-allowed', { by: 'controller' }, 'throw'],
    ['unreachable', { by: 'controller' }, 'throw'],
    ['request-needed', { by: 'controller' }, 'throw'],
  ];
  for (const [code, change, wanted] of cases) {
    t.equal(nextStep(new PosternError(code), { ...first, ...change }).do, wanted, `${code} ${JSON.stringify(change)}`);
  }
  const spread = new PosternError('grant-below-floor', 'x', { extra: { retryAfterMs: 1234 } });
  t.same(nextStep(spread, first), { do: 'renew', waitMs: 1234 });
  const endless = new PosternError('grant-below-floor', 'x', { extra: { retryAfterMs: 1e12 } });
  t.same(nextStep(endless, first), { do: 'renew', waitMs: 30_000 });
});
