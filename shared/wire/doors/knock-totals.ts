/** What became of knocks since the last look, by reason: for one record an interval, where somebody was refused. Pure. */
export class KnockTotals {
  #last: Readonly<Record<string, number>> = {};

  /** `counts`: sums since the start of each process, which begin at 0 again when one is replaced. Undefined where nobody was refused. */
  since(counts: Readonly<Record<string, number>>): Record<string, number> | undefined {
    const last = this.#last;
    this.#last = counts;
    const added = Object.entries(counts).flatMap(([reason, count]) => {
      const before = last[reason] ?? 0;
      const more = count >= before ? count - before : count;
      return more === 0 ? [] : [[reason, more] as const];
    });
    return added.some(([reason]) => reason !== 'good') ? Object.fromEntries(added) : undefined;
  }
}
