/** What one process counts: plain numbers by name and labels, so that a primary can add up its workers. */

/** Metric line such as `requests{code="allow"}` to its value. */
export type Counts = Readonly<Record<string, number>>;

export class Counters {
  readonly #counts = new Map<string, Map<string, number>>();

  /** Labels hold codes and kinds, never names of people, devices or hosts (P34). */
  add(name: string, label = '', by = 1): void {
    let labels = this.#counts.get(name);
    if (labels === undefined) {
      labels = new Map();
      this.#counts.set(name, labels);
    }
    labels.set(label, (labels.get(label) ?? 0) + by);
  }

  read(): Counts {
    const read: Record<string, number> = {};
    for (const [name, labels] of this.#counts) for (const [label, count] of labels) read[`${name}|${label}`] = count;
    return read;
  }
}

/** Sums over workers, gauges included: each worker has its own streams. */
export function addCounts(parts: readonly Counts[]): Counts {
  const sum: Record<string, number> = {};
  for (const part of parts) for (const [key, value] of Object.entries(part)) sum[key] = (sum[key] ?? 0) + value;
  return sum;
}
