/** `posternctl log export`: the log to a file or to standard output, a page at a time. The reading is recorded. */
import { once } from 'node:events';
import type { CliCall, CliCommand } from '#shared/base/cli.ts';
import { recordFormats } from '../log/formats/index.ts';
import type { RecordFormat } from '../log/formats/record-format.ts';
import { type AdminClient, withAdmin } from './connect.ts';
import { ExportFile, type ExportState } from './export-file.ts';
import { filters, readFilters, searchTimes, withoutReason } from './log-filters.ts';
import { type Missing, sayMissing } from './say-missing.ts';
import { answerDone, chosen, flag, misuse, plural } from './show.ts';

const names = Object.keys(recordFormats) as (keyof typeof recordFormats)[];

/** Where the parts go. */
interface Sink {
  readonly state: Pick<ExportState, 'after' | 'through' | 'records'>;
  append(text: string, step: { readonly after: number; readonly through: number; readonly records: number }): unknown;
  finish(): void;
}

export const exportCommand: CliCommand = {
  about: 'Write the log to a file, or to standard output, in a form that others read',
  args: '[file]',
  options: {
    format: { type: 'string', value: 'FORM', about: `${names.join(', ')}; json unless told` },
    ...filters,
    ...searchTimes,
    resume: { type: 'boolean', about: 'Go on with an export to this file that was cut short, as it was begun' },
  },
  help: [
    ...names.map((name) => `  ${name.padEnd(8)}  ${recordFormats[name].about}`),
    '',
    'FILE is there only when it is whole: until then it is FILE.partial. With .gz at its end it is packed.',
    'What was recorded after the beginning of the export is not in it.',
  ].join('\n'),
  run: (call) => withAdmin(withoutReason(call), (admin) => run(call, admin)),
};

async function run(call: CliCall, admin: AdminClient): Promise<void> {
  const [file] = call.args;
  const begun = performance.now();
  const { sink, order } = file === undefined || file === '-' ? toOutput(call) : toFile(call, file);
  const format = recordFormats[order.format as keyof typeof recordFormats];
  const tell = teller(call, begun);
  const missing = await pull(admin, { sink, order, format, tell });
  sink.finish();
  tell.end();
  const { records, through } = sink.state;
  const seconds = Math.round(performance.now() - begun) / 1000;
  if (file === undefined || file === '-') {
    // Standard output has the records: the summary must not look like one of them.
    call.io.err(
      call.json ? JSON.stringify({ records, through, seconds, ...missing }) : `Whole: ${plural(records, 'record')}.`,
    );
    if (!call.json) sayMissing(call, missing);
    return;
  }
  const summary = { file, format: order.format, records, through, seconds, ...missing };
  answerDone(call, summary, `${file}: ${plural(records, 'record')}, up to position ${through ?? 0} of the log.`);
  if (!call.json) sayMissing(call, missing);
}

type Order = Pick<ExportState, 'format' | 'search'>;

function orderOf(call: CliCall): Order {
  return { format: chosen(call, 'format', names) ?? 'json', search: readFilters(call) as Order['search'] };
}

function toFile(call: CliCall, file: string): { sink: Sink; order: Order } {
  if (!flag(call, 'resume')) {
    const order = orderOf(call);
    return { sink: ExportFile.begin(file, order), order };
  }
  const given = ['format', ...Object.keys(filters), ...Object.keys(searchTimes)].filter((name) => call.values[name]);
  if (given.length > 0) throw misuse(`--resume goes on as it was begun: leave out --${given.join(', --')}`);
  const sink = ExportFile.resume(file);
  return { sink, order: sink.state };
}

function toOutput(call: CliCall): { sink: Sink; order: Order } {
  if (flag(call, 'resume')) throw misuse('--resume wants a file');
  let state: Sink['state'] = { after: 0, records: 0 };
  const sink: Sink = {
    get state() {
      return state;
    },
    async append(text, { after, through, records }) {
      state = { after, through, records: state.records + records };
      // `out` ends the line itself.
      if (text !== '') call.io.out(text.slice(0, -1));
      if (process.stdout.writableNeedDrain) await once(process.stdout, 'drain');
    },
    finish: () => {},
  };
  return { sink, order: orderOf(call) };
}

interface Pull {
  readonly sink: Sink;
  readonly order: Order;
  readonly format: RecordFormat;
  readonly tell: { progress(records: number): void };
}

/** Returns what of its time is not there. */
async function pull(
  admin: AdminClient,
  { sink, order: { search, format: name }, format, tell }: Pull,
): Promise<Missing> {
  for (;;) {
    const { after, through } = sink.state;
    const query = { ...search, format: name, after, ...(through === undefined ? {} : { through }) };
    const page = await admin.exportRecords({ query });
    const records = page.records.map(({ record }) => record);
    const head = through === undefined ? (format.head ?? '') : '';
    const step = { after: page.next ?? page.through, through: page.through, records: records.length };
    await sink.append(head + format.lines(records), step);
    tell.progress(sink.state.records);
    if (page.next !== undefined) continue;
    const { pruned, misdated } = page;
    return { ...(pruned === undefined ? {} : { pruned }), ...(misdated === undefined ? {} : { misdated }) };
  }
}

const tellEveryMs = 250;

/** On a terminal: how many, and how fast. */
function teller({ json }: CliCall, begun: number) {
  const isOn = process.stderr.isTTY === true && !json;
  let last = 0;
  return {
    progress(records: number): void {
      const now = performance.now();
      if (!isOn || now - last < tellEveryMs) return;
      last = now;
      const rate = Math.round(records / Math.max(0.001, (now - begun) / 1000));
      process.stderr.write(`\r${records.toLocaleString('en')} records, ${rate.toLocaleString('en')} a second `);
    },
    end: () => void (isOn && process.stderr.write('\r\u001b[K')),
  };
}
