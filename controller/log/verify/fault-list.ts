/** The places of a log that are not as they were written: so many of them, and how many more there are. */
import type { LogFault } from '#shared/contracts/admin-proofs.ts';

export const mostFaults = 1000;

export class FaultList {
  readonly #faults: LogFault[] = [];
  more = 0;

  push(fault: LogFault): void {
    if (this.#faults.length < mostFaults) this.#faults.push(fault);
    else this.more += 1;
  }

  sorted(): LogFault[] {
    return this.#faults.toSorted((a, b) => (a.leaf ?? Number.POSITIVE_INFINITY) - (b.leaf ?? Number.POSITIVE_INFINITY));
  }
}
