/** JSON lines, CSV and CEF, read back by parsers that others wrote. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import t from 'tap';
import { cef, cefKeys } from '../../../../controller/log/formats/cef.ts';
import { csv } from '../../../../controller/log/formats/csv.ts';
import { flatFields, flatten } from '../../../../controller/log/formats/flat-fields.ts';
import { recordFormats } from '../../../../controller/log/formats/index.ts';
import { jsonLines } from '../../../../controller/log/formats/json-lines.ts';
import { hideControls } from '../../../../controller/log/formats/safe-text.ts';
import { nastyRecord, nastyRecords } from '../../../support/nasty-records.ts';
import { findProgram, needs } from '../../../support/programs.ts';
import { root } from '../../../support/source-tree.ts';

/** Whatever anybody takes for the end of a line (Unicode TR 18, 1.6). */
const lineEnd = /\r\n|[\n\v\f\r\u0085\u2028\u2029]/;

t.test('a record is one line in every form of lines, and of no reader two', async (t) => {
  fc.assert(
    fc.property(nastyRecord, (record) => {
      for (const [name, format] of Object.entries(recordFormats)) {
        if (name === 'csv') continue; // Line ends stand in quotes there (RFC 4180): read back below.
        const text = format.lines([record]);
        if (!text.endsWith('\n') || lineEnd.test(text.slice(0, -1)))
          throw new Error(`${name}: ${JSON.stringify(text)}`);
        if (!text.isWellFormed()) throw new Error(`${name} has half a surrogate pair`);
      }
    }),
  );
  t.pass('one line');
});

t.test('JSON lines are the records themselves', async (t) => {
  const records = nastyRecords(300);
  const lines = jsonLines.lines(records).trimEnd().split('\n');
  t.same(
    lines.map((line) => JSON.parse(line)),
    records,
  );
});

t.test('CSV: an independent parser finds the same cells, and a spreadsheet no formula', async (t) => {
  const records = nastyRecords(500);
  const rows = parse(`${csv.head}${csv.lines(records)}`, { columns: true }) as Record<string, string>[];
  t.equal(rows.length, records.length);
  const back = (cell: string) => (cell.startsWith("'") ? cell.slice(1) : cell);
  for (const [at, row] of rows.entries()) {
    const wanted = Object.fromEntries(
      flatFields.map(({ name, read }) => [name, String(read(records[at]!) ?? '').toWellFormed()]),
    );
    t.same(Object.fromEntries(Object.entries(row).map(([name, cell]) => [name, back(cell)])), wanted);
    const formulas = Object.values(row).filter((cell) =>
      /^[\s\0]*[=+\-@\uff1d\uff0b\uff0d\uff20]|^[\t\r\n]/u.test(cell),
    );
    if (formulas.length > 0) t.same(formulas, []);
  }
});

t.test('CEF: an independent parser finds the same fields and no other', needs('python3'), async (t) => {
  const records = nastyRecords(500).filter(({ from }) => from === undefined || from !== '');
  const script = [
    'import sys, json; sys.path.insert(0, sys.argv[1]); sys.dont_write_bytecode = True; import cefp',
    'print(json.dumps([cefp.parse(line) for line in json.load(sys.stdin)]))',
  ].join('\n');
  const vectors = join(root, 'test/vectors/cef');
  const input = JSON.stringify(records.map(cef.one));
  const out = execFileSync(findProgram('python3')!, ['-c', script, vectors], { input, maxBuffer: 1 << 28 });
  const read = JSON.parse(out.toString()) as { device: Record<string, string>; extension: Record<string, string> }[];
  const lineEndsKept = (text: string) =>
    text
      .split(/([\n\r])/)
      .map((part) => (part === '\n' || part === '\r' ? part : hideControls(part)))
      .join('');
  for (const [at, { device, extension }] of read.entries()) {
    const record = records[at]!;
    t.equal(device['vendor'], 'Postern');
    const flat = new Map<string, string | number>(flatten(record));
    const keys = cefKeys.filter(([, field]) => flat.has(field));
    const wanted = keys.flatMap(([key, field, label]) => [
      ...(label === undefined ? [] : [[`${key}Label`, label]]),
      [key, lineEndsKept(String(flat.get(field)))],
    ]);
    const { outcome, src, shost, c6a2, c6a2Label, ...rest } = extension;
    t.equal(outcome, { allow: 'success', deny: 'failure', none: undefined }[record.verdict]);
    t.equal(src ?? c6a2 ?? shost, record.from === undefined ? undefined : lineEndsKept(record.from));
    t.same(rest, Object.fromEntries(wanted));
  }
});

t.test('every form takes a record from which everything personal was erased', async (t) => {
  const left = {
    id: 'rec_12345678',
    time: 1,
    kind: 'access',
    phase: 'single',
    trace: 'a'.repeat(32),
    verdict: 'deny',
    reasons: [],
  } as const;
  for (const kind of ['access', 'grant', 'sign-in', 'device', 'posture', 'revocation', 'admin'] as const)
    for (const [name, format] of Object.entries(recordFormats))
      t.ok(format.lines([{ ...left, kind, reasons: [] }]).includes('rec_12345678'), name);
});
