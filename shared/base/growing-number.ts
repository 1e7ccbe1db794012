/**
 * Decimal text of numbers that only grow: times, and numbers of records. V8 remembers the text of each number it has written for as long as
 * nothing takes its place in a table; when each number is a new one nothing is ever found there, and every text outlives the quick collections.
 */

const lastDigits = Array.from({ length: 1000 }, (_, value) => String(value).padStart(3, '0'));

export class GrowingNumber {
  #thousands = 0;
  #text = '';

  /** As `String(value)`, of any number. */
  text(value: number): string {
    if (!(value >= 1000 && Number.isSafeInteger(value))) return String(value);
    const thousands = Math.floor(value / 1000);
    if (thousands !== this.#thousands) {
      this.#thousands = thousands;
      this.#text = String(thousands);
    }
    return this.#text + lastDigits[value - thousands * 1000];
  }
}
