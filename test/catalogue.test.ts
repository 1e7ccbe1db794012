/** The catalogue: error codes, reasons, facts and options are what the documents say, and each is used. */
import { readFileSync } from 'node:fs';
import t from 'tap';
import { errorTable } from '#shared/base/errors.ts';
import { denyReasons } from '#shared/contracts/reasons.ts';
import { accessRecord, recordedRequest, recordFields, recordKinds } from '#shared/contracts/record.ts';
import { recordEvents } from '#shared/contracts/record-events.ts';
import { accessLogFile, makeAccessLog } from '../deploy/print-access-log.ts';
import { makeReference, referenceFile } from '../deploy/print-reference.ts';
import { makeSiemDocument, siemFile } from '../deploy/print-siem-mapping.ts';
import { readSources } from './support/source-tree.ts';

t.test('docs/reference.md says what the tables say', async (t) => {
  t.equal(readFileSync(referenceFile, 'utf8'), makeReference(), 'run "npm run docs"');
});

t.test('docs/access-log.md says what the tables say: every field, every kind, every event', async (t) => {
  t.equal(readFileSync(accessLogFile, 'utf8'), makeAccessLog(), 'run "npm run docs"');
  const shape = Object.keys(accessRecord.properties).flatMap((name) =>
    name === 'request' ? Object.keys(recordedRequest.properties).map((member) => `request.${member}`) : name,
  );
  t.same(Object.keys(recordFields).toSorted(), shape.toSorted(), 'fields');
  t.same(Object.keys(recordEvents).toSorted(), recordKinds.toSorted(), 'kinds');
});

t.test('docs/siem.md says what the forms say, field by field and kind by kind', async (t) => {
  t.equal(readFileSync(siemFile, 'utf8'), makeSiemDocument(), 'run "npm run docs"');
});

t.test('every event of a record is written somewhere', async (t) => {
  const product = readSources().filter(
    ({ path }) => /^(controller|gateway)\//.test(path) && !path.startsWith('controller/log/formats/'),
  );
  const text = product.map((file) => file.text).join('\n');
  // Put together where they are written: the states of people and devices, and what is searched at the services listener.
  const made = /^set-|-search$/;
  const unused = Object.values(recordEvents)
    .flatMap(({ events }) => Object.keys(events))
    .filter((event) => !made.test(event) && !text.includes(`'${event}'`));
  t.same(unused, []);
});

t.test('every error code and every reason is used somewhere', async (t) => {
  const product = readSources().filter((file) =>
    /^(shared\/wire|shared\/crypto|shared\/log|shared\/base|controller|gateway|client-agent)\//.test(file.path),
  );
  const text = product
    .filter((file) => file.path !== 'shared/base/errors.ts')
    .map((file) => file.text)
    .join('\n');
  const unused = (names: readonly string[]) =>
    names.filter((name) => !text.includes(`'${name}'`) && !text.includes(`"${name}"`));
  t.same(unused(Object.keys(errorTable)), [], 'error codes');
  t.same(unused(Object.keys(denyReasons)), [], 'reasons');
});
