/** Which rung led to which door in which network, kept for the next start. Of little use to anybody else, and of none when it is lost. */
import { Type } from 'typebox';
import { Check } from 'typebox/value';
import type { Log } from '#shared/base/log.ts';
import { strict, text, time } from '#shared/contracts/common.ts';
import type { RememberedRung, RungMemory } from '#shared/wire/doors/ladder.ts';
import type { ProfileDirectory } from '../keystore/profile-directory.ts';

const rungs = Type.Record(text(100), strict({ rung: text(100), at: time }));
const kept = strict({ v: Type.Literal(1), networks: Type.Array(strict({ id: text(64), rungs })) });

const fileName = 'rungs.json';
/** The last ones used. */
const maxNetworks = 32;

export class RungFile implements RungMemory {
  readonly #directory: ProfileDirectory;
  readonly #log: Log;
  /** The one used last comes last. */
  readonly #networks = new Map<string, Record<string, RememberedRung>>();

  constructor(directory: ProfileDirectory, log: Log) {
    this.#directory = directory;
    this.#log = log;
    for (const { id, rungs: known } of read(directory)) this.#networks.set(id, known);
  }

  get(network: string, door: string): RememberedRung | undefined {
    const known = this.#networks.get(network);
    return known !== undefined && Object.hasOwn(known, door) ? known[door] : undefined;
  }

  set(network: string, door: string, remembered: RememberedRung): void {
    const known = this.#networks.get(network);
    this.#networks.delete(network);
    this.#networks.set(network, { ...known, [door]: remembered });
    for (const id of this.#networks.keys()) {
      if (this.#networks.size <= maxNetworks) break;
      this.#networks.delete(id);
    }
    const networks = [...this.#networks].map(([id, all]) => ({ id, rungs: all }));
    try {
      this.#directory.write(fileName, JSON.stringify({ v: 1, networks }));
    } catch (error) {
      this.#log.warn({ err: error }, 'which way works in which network cannot be kept');
    }
  }
}

/** Damaged, or of another version: it is found out anew. */
function read(directory: ProfileDirectory): readonly { id: string; rungs: Record<string, RememberedRung> }[] {
  try {
    const value: unknown = JSON.parse(directory.read(fileName) ?? 'null');
    return Check(kept, value) ? value.networks : [];
  } catch {
    return [];
  }
}
