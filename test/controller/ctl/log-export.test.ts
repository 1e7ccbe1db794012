import { existsSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import t from 'tap';
import { recordFormats } from '../../../controller/log/formats/index.ts';
import { recordRow } from '../../../controller/log/record-row.ts';
import { nastyRecords } from '../../support/nasty-records.ts';
import { runController } from '../support/run-controller.ts';
import { ctlOf } from '../support/run-ctl.ts';

async function withRecords(t: import('tap').Test, howMany: number) {
  const controller = await runController(t);
  // The answer keeps to the contract: ids of people are plain words.
  const records = nastyRecords(howMany).map((record) => ({ ...record, person: 'ann' }));
  for (const record of records) await controller.store.db.insertInto('records').values(recordRow(record)).execute();
  const { n } = await controller.store.db
    .selectFrom('records')
    .select((eb) => eb.fn.countAll<number>().as('n'))
    .executeTakeFirstOrThrow();
  return { controller, ctl: ctlOf(t, controller), records, all: Number(n) };
}

t.test('the whole log, in every form, page by page, whole or not there', async (t) => {
  const { controller, ctl, records, all } = await withRecords(t, 1200);
  const dir = t.testdir();
  for (const format of ['json', 'csv', 'otlp']) {
    const file = join(dir, `log.${format}`);
    const { code, out, err } = await ctl(['log', 'export', file, '--format', format, '--json']);
    t.equal(code, 0, err);
    t.match(JSON.parse(out), { file, format, records: Number });
    t.notOk(existsSync(`${file}.partial`));
    t.notOk(existsSync(`${file}.partial.json`));
    const text = readFileSync(file, 'utf8');
    for (const part of [0, 600, 1199]) t.ok(text.includes(records[part]!.id), format);
  }
  const lines = readFileSync(join(dir, 'log.json'), 'utf8').trimEnd().split('\n');
  t.equal(lines.length, all);
  t.match(readFileSync(join(dir, 'log.csv'), 'utf8'), /^id,time,/);
  const reading = await controller.store.db.selectFrom('records').selectAll().where('kind', '=', 'log').execute();
  t.match(JSON.stringify(reading), 'records-exported', 'the reading is on record');
  t.match(await ctl(['log', 'export', join(dir, 'log.json')]), { code: 1, err: 'is there already' });
  t.match(await ctl(['log', 'export', '--format', 'xml']), { code: 2, err: 'json, csv, ocsf' });
});

t.test('to standard output, with filters; the summary is not among the records', async (t) => {
  const { ctl, records } = await withRecords(t, 700);
  const { out, err, code } = await ctl([
    'log',
    'export',
    '--format',
    'rfc5424',
    '--kind',
    'posture',
    '--verdict',
    'deny',
  ]);
  t.equal(code, 0);
  const wanted = records.filter(({ kind, verdict }) => kind === 'posture' && verdict === 'deny');
  t.ok(out === recordFormats.rfc5424.lines(wanted), 'the lines themselves');
  t.ok(wanted.length > 5);
  t.equal(err.trim(), `Whole: ${wanted.length} records.`);
});

t.test('one that was cut short goes on where it was whole, also packed, and is then the same', async (t) => {
  const { controller, ctl } = await withRecords(t, 1200);
  const dir = t.testdir();
  const client = controller.as();
  const { through, records, next } = await client.exportRecords({ query: {} });
  const first = records.map(({ record }) => record);
  const { ExportFile } = await import('../../../controller/ctl/export-file.ts');
  for (const name of ['log.jsonl', 'log.jsonl.gz']) {
    const file = join(dir, name);
    const begun = ExportFile.begin(file, { format: 'json', search: {} });
    begun.append(recordFormats.json.lines(first), { after: next!, through, records: first.length });
    // Killed while it wrote the next part.
    const whole = readFileSync(`${file}.partial`);
    writeFileSync(`${file}.partial`, Buffer.concat([whole, Buffer.from('{"half":')]));
    t.match(await ctl(['log', 'export', file]), { code: 1, err: '--resume' });
    t.match(await ctl(['log', 'export', file, '--resume', '--kind', 'log']), { code: 2, err: 'as it was begun' });
    const { code, err } = await ctl(['log', 'export', file, '--resume']);
    t.equal(code, 0, err);
    const bytes = readFileSync(file);
    const lines = (name.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString().trimEnd().split('\n');
    t.equal(new Set(lines.map((line) => JSON.parse(line).id)).size, lines.length, 'none twice');
    t.equal(lines.length, (await count(client, through)).length, 'none missing');
  }
  truncateSync(join(dir, 'log.jsonl'), 0);
  t.match(await ctl(['log', 'export', join(dir, 'other'), '--resume']), { code: 1, err: 'no export to go on with' });
});

async function count(
  client: ReturnType<Awaited<ReturnType<typeof runController>>['as']>,
  through: number,
): Promise<string[]> {
  const ids: string[] = [];
  for (let after: number | undefined = 0; after !== undefined; ) {
    const page: Awaited<ReturnType<typeof client.exportRecords>> = await client.exportRecords({
      query: { after, through },
    });
    ids.push(...page.records.map(({ record }) => record.id));
    after = page.next;
  }
  return ids;
}
