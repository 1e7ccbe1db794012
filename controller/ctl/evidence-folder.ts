/** A folder of evidence while it is made: written beside its name, sealed by a record of its manifest, checked as whoever gets it will, then named. */
import { appendFileSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Value } from 'typebox/value';
import { PosternError } from '#shared/base/errors.ts';
import { evidenceLine } from '#shared/contracts/admin-evidence.ts';
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
import type { AdminClient } from './connect.ts';

export const evidenceTimeoutMs = 3_600_000;
const maxLine = 64 * 1024 * 1024;

/** Milliseconds, both inclusive. */
export interface Period {
  readonly from: number;
  readonly to: number;
}

export class EvidenceFolder {
  readonly #admin: AdminClient;
  readonly #out: string;
  readonly #dir: string;
  readonly #files: Record<string, string> = {};

  /** Throws `conflict` when there is something of this name, or one half made. */
  constructor(admin: AdminClient, out: string) {
    this.#admin = admin;
    this.#out = out;
    this.#dir = `${out}.partial`;
    for (const path of [out, this.#dir])
      if (isThere(path)) throw new PosternError('conflict', `${path} is there already`);
    mkdirSync(this.#dir, { recursive: true, mode: 0o700 });
  }

  write(path: string, text: string): void {
    const file = join(this.#dir, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text, { flag: 'wx', mode: 0o600 });
    this.#files[path] = digestOf(Buffer.from(text));
  }

  /** Records with their proofs, and the checkpoint that these lead to. Returns how many. */
  async writeRecords(query: Period & { readonly review?: string }): Promise<number> {
    const file = join(this.#dir, recordsName);
    writeFileSync(file, '', { flag: 'wx', mode: 0o600 });
    for await (const line of readNdjson(await this.#admin.evidence({ query, timeoutMs: evidenceTimeoutMs }), {
      maxLine,
    })) {
      if (!Value.Check(evidenceLine, line))
        throw new PosternError('bad-answer', 'a line of the evidence has another form');
      if (line.t === 'checkpoint') this.write(checkpointName, line.checkpoint);
      else if (line.t === 'end') {
        this.#files[recordsName] = digestOf(readFileSync(file));
        return line.records;
      } else {
        const { t: _, ...record } = line;
        appendFileSync(file, `${JSON.stringify(record)}\n`);
      }
    }
    throw new PosternError('bad-answer', 'the evidence was cut short: the log of the controller says why');
  }

  /** The version in force when the period began, and each that came in force in it. */
  async writePolicies({ from, to }: Period): Promise<void> {
    const { items } = await this.#admin.policyHistory();
    const until = items.filter(({ at }) => at <= to).sort((a, b) => a.epoch - b.epoch);
    const first = until.findLast(({ at }) => at <= from)?.epoch ?? 0;
    for (const { epoch } of until.filter((version) => version.epoch >= first)) {
      const version = await this.#admin.policy({ query: { epoch } });
      this.write(`policies/${epoch}.json`, `${JSON.stringify(version, null, 1)}\n`);
    }
  }

  /** Puts the manifest on record and gives the folder its name. Throws `log-broken` for one that does not hold. Returns how many files there are. */
  async seal({ from, to, records }: Period & { readonly records: number }): Promise<{ files: number; key: string }> {
    const manifest: Manifest = { postern: 'evidence@1', from, to, records, files: this.#files };
    const text = `${JSON.stringify(manifest, null, 1)}\n`;
    writeFileSync(join(this.#dir, manifestName), text, { mode: 0o600 });
    const body = { manifest: digestOf(Buffer.from(text)), from, to };
    const { leaf, disclosures, index, path, checkpoint } = await this.#admin.sealEvidence({ body });
    const shown = disclosures.filter(({ name }) => name === 'details').map((one) => one.text);
    const seal = formatProofFile({
      extra: shownToExtra({ leaf, disclosures: shown }),
      index,
      path: path.map((hash) => Buffer.from(hash, 'base64')),
      checkpoint,
    });
    writeFileSync(join(this.#dir, sealName), seal, { mode: 0o600 });
    const { keys } = await this.#admin.logHead();
    const [fault] = checkBundle(this.#dir, { log: keys.map(({ key }) => parseNoteKey(key)) }).faults;
    if (fault !== undefined)
      throw new PosternError('log-broken', `the bundle does not hold: ${fault.file}: ${fault.what}`);
    renameSync(this.#dir, this.#out);
    return { files: Object.keys(this.#files).length + 2, key: keys.at(-1)?.key ?? '' };
  }
}

function isThere(path: string): boolean {
  try {
    readdirSync(path);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ENOENT';
  }
}
