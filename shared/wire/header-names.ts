/**
 * A set of header names, asked in whatever case they are spelled. Nearly all that are asked for are not in it, and nearly all
 * of these have another length or first letter than any that is: no lower case is made of them and no hash.
 */
const lengths = 32;
const letters = 32;

export class HeaderNames {
  readonly #names: ReadonlySet<string>;
  readonly #shapes = new Uint8Array(lengths * letters);

  /** `names`: lower case. Of tokens (RFC 9110 section 5.6.2), which have no other letters than those of ASCII. */
  constructor(names: Iterable<string>) {
    this.#names = new Set(names);
    for (const name of this.#names) this.#shapes[shapeOf(name)] = 1;
  }

  has(spelled: string): boolean {
    return this.#shapes[shapeOf(spelled)] === 1 && this.#names.has(spelled.toLowerCase());
  }
}

/** Equal for all spellings of a name: the low five bits of a letter are those of its other case. */
function shapeOf(name: string): number {
  return (name.length % lengths) * letters + (name.charCodeAt(0) & (letters - 1));
}
