/** Evidence while it is made: written beside its name, sealed by a record of its manifest, checked as whoever gets it will, then named. */
import { Value } from 'typebox/value';
import type { CliOption } from '#shared/base/cli.ts';
import { PosternError } from '#shared/base/errors.ts';
import { evidenceLine } from '#shared/contracts/admin-evidence.ts';
import {
  checkBundle,
  checkpointName,
  digestOf,
  growthName,
  type Manifest,
  manifestName,
  recordsName,
  sealName,
} from '#shared/log/check-bundle.ts';
import { shownToExtra } from '#shared/log/check-proof.ts';
import { openCheckpoint } from '#shared/log/checkpoint.ts';
import { formatGrowth } from '#shared/log/growth-file.ts';
import { parseNoteKey } from '#shared/log/note-key.ts';
import { formatProofFile } from '#shared/log/proof-file.ts';
import { readNdjson } from '#shared/wire/ndjson.ts';
import { BundleWriter } from './bundle-writer.ts';
import type { AdminClient } from './connect.ts';

/** Where evidence goes. */
export const outOption: CliOption = {
  type: 'string',
  value: 'PLACE',
  about: 'A folder that is not there yet, or a file NAME.tar',
  required: true,
};

export const evidenceTimeoutMs = 3_600_000;
const maxLine = 64 * 1024 * 1024;

/** Milliseconds, both inclusive. */
export interface Period {
  readonly from: number;
  readonly to: number;
}

export class EvidenceBundle {
  readonly #admin: AdminClient;
  readonly #writer: BundleWriter;
  #checkpoint = '';

  /** A folder, or a tar file where the name ends in `.tar`. Throws `conflict` when there is something of this name, or one half made. */
  constructor(admin: AdminClient, out: string) {
    this.#admin = admin;
    this.#writer = new BundleWriter(out);
  }

  write(path: string, text: string): void {
    this.#writer.write(path, text);
  }

  /** All of it again, where it could not be finished. */
  discard(): void {
    this.#writer.discard();
  }

  /** Records with their proofs, and the checkpoint that these lead to. Returns how many. */
  async writeRecords(query: Period & { readonly review?: string }): Promise<number> {
    const file = this.#writer.open(recordsName);
    const lines = await this.#admin.evidence({ query, timeoutMs: evidenceTimeoutMs });
    for await (const line of readNdjson(lines, { maxLine })) {
      if (!Value.Check(evidenceLine, line))
        throw new PosternError('bad-answer', 'a line of the evidence has another form');
      if (line.t === 'checkpoint') this.#checkpoint = line.checkpoint;
      else if (line.t === 'end') {
        file.end();
        this.write(checkpointName, this.#checkpoint);
        return line.records;
      } else {
        const { t: _, ...record } = line;
        file.add(`${JSON.stringify(record)}\n`);
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

  /** Puts the manifest on record and gives the bundle its name. Throws `log-broken` for one that does not hold. Returns how many files there are. */
  async seal({ from, to, records }: Period & { readonly records: number }): Promise<{ files: number; key: string }> {
    const manifest: Manifest = { postern: 'evidence@2', from, to, records, files: this.#writer.files };
    const text = `${JSON.stringify(manifest, null, 1)}\n`;
    this.write(manifestName, text);
    const body = { manifest: digestOf(Buffer.from(text)), from, to };
    const { leaf, disclosures, index, path, checkpoint } = await this.#admin.sealEvidence({ body });
    const shown = disclosures.filter(({ name }) => name === 'details').map((one) => one.text);
    const extra = shownToExtra({ leaf, disclosures: shown });
    this.write(sealName, formatProofFile({ extra, index, path: fromBase64(path), checkpoint }));
    const { keys } = await this.#admin.logHead();
    const log = keys.map(({ key }) => parseNoteKey(key));
    const query = {
      from: openCheckpoint(this.#checkpoint, { log }).size,
      to: openCheckpoint(checkpoint, { log }).size,
    };
    const growth = await this.#admin.proveGrowth({ query });
    this.write(growthName, formatGrowth({ from: query.from, path: fromBase64(growth.path), checkpoint }));
    let files = 0;
    this.#writer.finish((made) => {
      const verdict = checkBundle(made, { log });
      const [fault] = verdict.faults;
      if (fault !== undefined)
        throw new PosternError('log-broken', `the bundle does not hold: ${fault.file}: ${fault.what}`);
      files = verdict.files;
    });
    return { files, key: keys.at(-1)?.key ?? '' };
  }
}

/** What `make` does in a bundle of this name; what could not be finished leaves nothing. */
export async function inBundle<T>(
  admin: AdminClient,
  out: string,
  make: (bundle: EvidenceBundle) => Promise<T>,
): Promise<T> {
  const bundle = new EvidenceBundle(admin, out);
  try {
    return await make(bundle);
  } catch (error) {
    bundle.discard();
    throw error;
  }
}

const fromBase64 = (texts: readonly string[]): Buffer[] => texts.map((text) => Buffer.from(text, 'base64'));
