/** `posternctl report bundle`: everything about a period in one folder that anybody checks without Postern. */
import { appendFileSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Value } from 'typebox/value';
import type { CliCall, CliCommand } from '#shared/base/cli.ts';
import { PosternError } from '#shared/base/errors.ts';
import { evidenceLine } from '#shared/contracts/admin-evidence.ts';
import { type Report, type ReportName, reportLine, reportNames } from '#shared/contracts/admin-reports.ts';
import {
  checkBundle,
  checkpointName,
  digestOf,
  type Manifest,
  manifestName,
  recordsName,
  sealName,
} from '#shared/log/check-bundle.ts';
import { shownToExtra } from '#shared/log/check-proof.ts';
import { parseNoteKey } from '#shared/log/note-key.ts';
import { formatProofFile } from '#shared/log/proof-file.ts';
import { readNdjson } from '#shared/wire/ndjson.ts';
import { bundlePage } from '../reports/bundle-page.ts';
import { formatReport } from '../reports/format-report.ts';
import { type AdminClient, withAdmin } from './connect.ts';
import { readAnalysis } from './policy/read-draft.ts';
import { answerDone, given, option, plural, readTime } from './show.ts';

const timeoutMs = 3_600_000;
const maxLine = 64 * 1024 * 1024;

export const reportBundle: CliCommand = {
  about: 'One folder of evidence: records, proofs, policies in force, checkpoint, reports, a page for people',
  options: {
    from: { type: 'string', value: 'TIME', about: 'Begin of the period; 90 days before its end unless told' },
    to: { type: 'string', value: 'TIME', about: 'Its end; now unless told' },
    out: { type: 'string', value: 'DIR', about: 'A folder that is not there yet', required: true },
  },
  help: `It shows personal values. Its manifest is on record in the log. Check it without Postern:
posternctl log verifier V, then node V/check-proof.mjs DIR --key KEY; any altered file is named.`,
  run: (call) => withAdmin(call, (admin) => makeBundle(call, admin)),
};

async function makeBundle(call: CliCall, admin: AdminClient): Promise<void> {
  const time = (name: string) => {
    const text = option(call, name);
    return text === undefined ? undefined : readTime(text, Date.now());
  };
  const out = option(call, 'out')!;
  const dir = `${out}.partial`;
  makeFolder(out, dir);
  const files: Record<string, string> = {};
  const write = (path: string, text: string): void => {
    mkdirSync(dirname(join(dir, path)), { recursive: true });
    writeFileSync(join(dir, path), text, { flag: 'wx', mode: 0o600 });
    files[path] = digestOf(Buffer.from(text));
  };

  const report = async (name: ReportName, period: { readonly from?: number; readonly at?: number }) => {
    const body = { report: name, ...period };
    return readAnalysis(call, reportLine, await admin.makeReport({ body, timeoutMs }));
  };
  // What was not told the controller settles, by its own clock; all that follows is of the same period.
  const first = await report('used', given({ from: time('from'), at: time('to') }));
  const { at: to, from = to } = first;
  const made: Report[] = [];
  for (const name of reportNames) {
    const one = name === 'used' ? first : await report(name, { from, at: to });
    made.push(one);
    write(`reports/${name}.json`, formatReport(one, 'json'));
    write(`reports/${name}.csv`, formatReport(one, 'csv'));
  }
  const records = await writeRecords(admin, { from, to }, dir, write);
  files[recordsName] = digestOf(readFileSync(join(dir, recordsName)));
  await writePolicies(admin, { from, to }, write);
  const { origin, keys } = await admin.logHead();
  write('index.html', bundlePage({ origin, from, to, records, reports: made }));
  const manifest: Manifest = { postern: 'evidence@1', from, to, records, files };
  const text = `${JSON.stringify(manifest, null, 1)}\n`;
  writeFileSync(join(dir, manifestName), text, { mode: 0o600 });
  const proof = await admin.sealEvidence({ body: { manifest: digestOf(Buffer.from(text)), from, to } });
  const shown = proof.disclosures.filter(({ name }) => name === 'details').map((one) => one.text);
  const seal = formatProofFile({
    extra: shownToExtra({ leaf: proof.leaf, disclosures: shown }),
    index: proof.index,
    path: proof.path.map((hash) => Buffer.from(hash, 'base64')),
    checkpoint: proof.checkpoint,
  });
  writeFileSync(join(dir, sealName), seal, { mode: 0o600 });
  // As whoever gets it will: nothing is given out that does not hold.
  const verdict = checkBundle(dir, { log: keys.map(({ key }) => parseNoteKey(key)) });
  const [fault] = verdict.faults;
  if (fault !== undefined)
    throw new PosternError('log-broken', `the bundle does not hold: ${fault.file}: ${fault.what}`);
  renameSync(dir, out);
  const count = Object.keys(files).length + 2;
  answerDone(call, { dir: out, files: count, records }, `${out}: ${plural(records, 'record')} in ${count} files.`);
  call.io.err(`Check it with the key: ${keys.at(-1)?.key}`);
}

function makeFolder(out: string, dir: string): void {
  for (const path of [out, dir]) {
    try {
      readdirSync(path);
    } catch {
      continue;
    }
    throw new PosternError('conflict', `${path} is there already`);
  }
  mkdirSync(dir, { recursive: true, mode: 0o700 });
}

type Write = (path: string, text: string) => void;
interface Period {
  readonly from: number;
  readonly to: number;
}

async function writeRecords(admin: AdminClient, query: Period, dir: string, write: Write): Promise<number> {
  const file = join(dir, recordsName);
  writeFileSync(file, '', { flag: 'wx', mode: 0o600 });
  for await (const line of readNdjson(await admin.evidence({ query, timeoutMs }), { maxLine })) {
    if (!Value.Check(evidenceLine, line))
      throw new PosternError('bad-answer', 'a line of the evidence has another form');
    if (line.t === 'checkpoint') write(checkpointName, line.checkpoint);
    else if (line.t === 'end') return line.records;
    else {
      const { t: _, ...record } = line;
      appendFileSync(file, `${JSON.stringify(record)}\n`);
    }
  }
  throw new PosternError('bad-answer', 'the evidence was cut short: the log of the controller says why');
}

/** The version in force when the period began, and each that came in force in it. */
async function writePolicies(admin: AdminClient, { from, to }: Period, write: Write): Promise<void> {
  const { items } = await admin.policyHistory();
  const until = items.filter(({ at }) => at <= to).sort((a, b) => a.epoch - b.epoch);
  const first = until.findLast(({ at }) => at <= from)?.epoch ?? 0;
  const inForce = until.filter(({ epoch }) => epoch >= first);
  for (const { epoch } of inForce) {
    const version = await admin.policy({ query: { epoch } });
    write(`policies/${epoch}.json`, `${JSON.stringify(version, null, 1)}\n`);
  }
}
