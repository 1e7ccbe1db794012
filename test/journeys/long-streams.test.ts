/**
 * A stream lives on one grant after the other, for as long as there is a next one (P15): ten lives without a byte lost; and
 * it ends with the last grant's grace when the policy, the device or the controller gives no other.
 */
import t, { type Test } from 'tap';
import { second } from '#shared/base/clock.ts';
import type { AccessRecord } from '#shared/contracts/record.ts';
import { untilItWorks } from '../../deploy/quickstart/clients.ts';
import type { PersonId } from '../../deploy/quickstart/state.ts';
import { openStreams, type Running } from '../support/open-streams.ts';
import { steerTriangle } from '../support/steered-triangle.ts';

t.setTimeout(240 * second);
t.jobs = 3;
const triangle = await steerTriangle(t);
const { admin, agents } = triangle;

const life = 5 * second;
const grace = 5 * second;
await triangle.describe((bundle) => ({
  ...bundle,
  apps:
    bundle.apps?.map((app) => (['live', 'echo'].includes(app.id) ? { ...app, grantSeconds: life / second } : app)) ??
    [],
}));
for (const id of ['olivia', 'audrey'] as const)
  await admin.putPerson({ params: { id }, body: { groups: ['engineers'] } });

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const openBoth = (person: PersonId) => openStreams(triangle, person, ['websocket', 'tunnel']);

/** Sends a numbered line on each every 200 ms until told to stop; resolves with how many. */
function keepTalking(streams: readonly Running[]): { stop(): number } {
  let sent = 0;
  const timer = setInterval(() => {
    sent += 1;
    for (const { send } of streams) send(`line ${sent}\n`);
  }, 200);
  return {
    stop() {
      clearInterval(timer);
      return sent;
    },
  };
}

/** The numbers behind a word, in the order in which they came. */
const numbers = (text: string, word: RegExp): number[] =>
  Array.from(text.matchAll(word), ([, number]) => Number(number));
const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);

const isAccess = (phase: AccessRecord['phase']) => (record: AccessRecord) =>
  record.kind === 'access' && record.phase === phase;

/** Waits for both closing records of a person since then, and says how long after the end of the last grant each was cut. */
async function afterLastGrant(t: Test, person: PersonId, since: number, grantEnd?: number): Promise<AccessRecord[]> {
  const cut = await untilItWorks(async () => {
    const { records } = await admin.records({ query: { person, from: since, limit: 1000 } });
    const closings = records.filter(isAccess('closing'));
    if (closings.length < 2) throw new Error(`${closings.length} streams of ${person} are closed in the log`);
    const ends = (app: string | undefined) =>
      records.find((one) => one.kind === 'grant' && one.verdict === 'allow' && one.app === app)!.time + life;
    return closings.map((record) => ({
      record,
      after: record.time - Math.min(ends(record.app), grantEnd ?? Infinity),
    }));
  }, 10 * second);
  t.equal(cut.length, 2);
  for (const { record, after } of cut) {
    t.comment(
      `${person}, ${record.app}: cut ${after} ms after the end of the last grant (${JSON.stringify(record.details)})`,
    );
    t.ok(after < grace + life, 'before another grant would have ended');
    t.match(record, { reasons: ['stream-cut'], details: { ended: 'cut' } });
  }
  return cut.map(({ record }) => record);
}

const tenLives = t.test('a WebSocket and a tunnel for ten grant lives', { buffered: true }, async (t) => {
  const since = Date.now();
  const streams = await openBoth('emil');
  const talk = keepTalking(streams);
  await wait(10 * life + second);
  const sent = talk.stop();
  await Promise.all(streams.map((stream) => stream.runsOn()));
  const [chat, tunnel] = streams as [Running, Running];
  await untilItWorks(async () => {
    for (const { heard } of streams) if (!heard().toLowerCase().includes(`line ${sent}`)) throw new Error('it lags');
  });
  t.ok(streams.every((stream) => stream.isOpen()));
  t.strictSame(numbers(chat.heard(), /line (\d+)/g), upTo(sent), `all ${sent} messages came back, in order`);
  t.strictSame(numbers(tunnel.heard(), /LINE (\d+)/g), upTo(sent), `all ${sent} lines came back, in order`);
  const ticks = numbers(tunnel.heard(), /tick (\d+)/g);
  t.ok(ticks.length >= 48);
  t.strictSame(ticks, upTo(ticks.length), `${ticks.length} ticks, none lost`);
  const { records } = await admin.records({ query: { person: 'emil', from: since, limit: 1000 } });
  for (const app of ['live', 'echo']) {
    const grants = records.filter((one) => one.kind === 'grant' && one.app === app);
    t.ok(grants.length >= 10, `${app}: ${grants.length} grants`);
    t.equal(records.filter((one) => one.app === app && isAccess('opening')(one)).length, 1, 'one access, opened once');
  }
  for (const stream of streams) stream.close();
});

const windowCloses = t.test('a time window closes', { buffered: true }, async (t) => {
  const since = Date.now();
  const streams = await openBoth('olivia');
  const closesAt = Math.ceil(Date.now() / second + 12) * second;
  const { files } = await admin.policy({ query: {} });
  const text = `@id("window")
forbid (principal == Person::"olivia", action, resource)
unless { context.time.now < datetime("${new Date(closesAt).toISOString()}") };
`;
  const { cut } = await admin.publishPolicy({
    body: { files: [...files, { id: 'window', text }], message: 'a window' },
  });
  t.equal(cut.gateways[0]?.streamsCut, 0, 'publishing it cuts nothing');
  await Promise.all(streams.map(({ ended }) => ended));
  t.ok(Date.now() >= closesAt, 'not before the window closed');
  // A grant ends with the window at the latest (P10).
  const records = await afterLastGrant(t, 'olivia', since, closesAt);
  t.match(
    records,
    [{ details: { problem: 'stream-cut' } }, { details: { problem: 'stream-cut' } }],
    'nothing was revoked',
  );
  t.ok((await agents.olivia.why({ query: {} })).refused.length > 0, 'she is told');
});

const deviceFails = t.test('the device fails', { buffered: true }, async (t) => {
  const since = Date.now();
  const streams = await openBoth('audrey');
  await wait(life);
  await Promise.all(streams.map((stream) => stream.runsOn()));
  triangle.setFact('audrey', 'firewallOn', false);
  const began = performance.now();
  await agents.audrey.reportPosture({});
  const ends = await Promise.all(streams.map(async ({ ended }) => Math.round((await ended) - began)));
  t.comment(`the streams ended ${ends.join(' and ')} ms after the firewall was reported off`);
  const records = await afterLastGrant(t, 'audrey', since);
  t.match(records, [{ details: { problem: 'grant-revoked' } }, { details: { problem: 'grant-revoked' } }]);
});

await Promise.all([tenLives, windowCloses, deviceFails]);

t.test('the controller is away', async (t) => {
  const since = Date.now();
  triangle.setFact('audrey', 'firewallOn', true);
  await agents.audrey.reportPosture({});
  const streams = await openBoth('audrey');
  await wait(life);
  await Promise.all(streams.map((stream) => stream.runsOn()));
  await triangle.end('controller', 'SIGKILL');
  const gone = Date.now();
  await Promise.all(streams.map((stream) => stream.runsOn()));
  await Promise.all(streams.map(({ ended }) => ended));
  t.comment(`the streams ended ${Date.now() - gone} ms after the controller`);
  await triangle.start('controller');
  const records = await afterLastGrant(t, 'audrey', since);
  t.match(records, [{ details: { problem: 'stream-cut' } }, { details: { problem: 'stream-cut' } }]);
  for (const { time } of records) t.ok(time - gone < life + grace + life);
});
