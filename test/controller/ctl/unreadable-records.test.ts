/** What `posternctl` says of a log with records that cannot be read. */
import { join } from 'node:path';
import t from 'tap';
import type { EvidenceLine } from '#shared/contracts/admin-evidence.ts';
import { encodeDisclosure } from '#shared/log/disclosures.ts';
import { readNdjson } from '#shared/wire/ndjson.ts';
import { appendRecord } from '../../../controller/log/append-record.ts';
import { person } from '../../support/erasable-person.ts';
import { appendMade } from '../support/made-log.ts';
import { runController } from '../support/run-controller.ts';
import { shellOf } from '../support/run-ctl.ts';
import { newestId, spoil } from '../support/spoil-record.ts';

t.test(
  'tail, show, explain, prove, touched and evidence go on past records that cannot be read, and say so',
  async (t) => {
    const controller = await runController(t);
    const { db } = controller.store;
    const ctl = shellOf(controller);
    await appendMade(db, 0, 40);
    const made = await db.selectFrom('records').select(['id', 'trace']).where('id', 'like', 'rec_0%').execute();
    const [hidden, seen] = [made[30]!, made[31]!];
    await spoil(db, hidden.id);
    const ids = (out: string) =>
      out
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line).id as string);
    const tailed = ids((await ctl(['log', 'tail', '-n', '50', '--json'])).out);
    t.ok(tailed.indexOf(hidden.id) === tailed.indexOf(seen.id) - 1, 'in its place');
    t.match(ids((await ctl(['log', 'tail', '-n', '5', '--app', 'none-such', '--json'])).out), [hidden.id]);
    t.equal(ids((await ctl(['log', 'tail', '-n', '3', '--json'])).out).length, 3);

    const story = await ctl(['log', 'show', hidden.trace]);
    t.equal(story.code, 0, story.err);
    t.match(story.out, /record-unreadable/);
    const explained = await ctl(['policy', 'explain', hidden.trace]);
    t.equal(explained.code, 0, explained.err);

    // Evidence hands it on as it stands, for whoever checks it to find.
    await spoil(db, seen.id, { disclosures: '[[' });
    const evidence = await controller.as({ reason: 'test' }).evidence({ query: { from: 0, to: 1e13 } });
    const lines: EvidenceLine[] = [];
    for await (const line of readNdjson(evidence, { maxLine: 1e6 })) lines.push(line as EvidenceLine);
    t.match(lines.at(-1), { t: 'end', records: lines.length - 2 });
    const shown = lines.filter((line) => line.t === 'record');
    t.ok(shown.some(({ leaf }) => leaf === 'no record'));
    t.match(shown.find(({ leaf }) => leaf.includes(seen.id))?.disclosures, [encodeDisclosure('[[')]);
    const proven = await ctl(['log', 'prove', seen.id, '--out', join(t.testdir(), 'proof')]);
    t.match(proven.err, /cannot be read \(it is no JSON\): run "posternctl log verify"/);

    const who = 'person-x';
    t.equal((await ctl(['person', 'add', who, '--name', 'X', '--reason', 'test'])).code, 0);
    await appendRecord(db, controller.clock.now(), {
      kind: 'sign-in',
      event: 'signed-in',
      verdict: 'allow',
      person: who,
    });
    await spoil(db, await newestId(db));
    const touched = await ctl(['log', 'touched', 'person', who, '--since', '24h']);
    t.equal(touched.code, 0, touched.err);
    t.match(touched.err, /^1 record cannot be read: what they would tell is missing here/m);
  },
);

t.test('P34 an erasure tells how many records nobody can read', async (t) => {
  const controller = await runController(t);
  const { db } = controller.store;
  const ctl = shellOf(controller);
  await appendMade(db, 0, 5);
  await spoil(db, 'rec_000000000003');
  await ctl(['person', 'add', person, '--name', 'Zebulon Quix']);
  await ctl(['person', 'remove', person]);
  controller.clock.advance(3_600_000);
  const erased = await ctl(['person', 'erase', person]);
  t.match(erased, { code: 0, err: /1 record of the log cannot be read: whether what is left there tells of zebulon / });
  const told = JSON.parse((await ctl(['log', 'search', '--event', 'erased', '--json'])).out);
  t.match(told.records, [{ details: { unreadable: 1 } }]);
});
