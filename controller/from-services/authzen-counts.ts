/** What was answered, for metrics: numbers only, no name of a person, client or store (P34). */
export class AuthzenCounts {
  permits = 0;
  denies = 0;
  searches = 0;
  refused = 0;

  count(decision: boolean): void {
    if (decision) this.permits += 1;
    else this.denies += 1;
  }
}
