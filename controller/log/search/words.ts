/**
 * Words of free text, as the index of the log keeps them and as a search gives them. Lower case (NFKC); letters, digits and `_` hold
 * together. Scripts that put no spaces between words go in as pairs of characters.
 */

/** Longer words are cut, here and in searches alike. */
export const maxWordLength = 40;

const wordPattern = /[\p{L}\p{N}\p{M}_]+/gu;
const unspaced = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]+/gu;

/**
 * Half a character, of a text that holds one or that was cut there, is U+FFFD in the database: two terms that differ by it alone would be one
 * there and two here.
 */
export const wellFormed = (text: string): string => (text.isWellFormed() ? text : text.toWellFormed());

const cutWord = (word: string): string =>
  word.length > maxWordLength ? wellFormed(word.slice(0, maxWordLength)) : word;

/** Paths, names and reasons come again and again. */
const known = new Map<string, readonly string[]>();
const mostKnown = 20_000;
const longestKnown = 200;

/** What was erased must not stay in memory either. */
export const forgetWords = (): void => known.clear();

/** In their order, with repetitions. */
export function wordsIn(text: string): readonly string[] {
  const before = known.get(text);
  if (before !== undefined) return before;
  const words = splitText(text);
  if (text.length > longestKnown) return words;
  if (known.size >= mostKnown) known.clear();
  known.set(text, words);
  return words;
}

function splitText(text: string): string[] {
  const words: string[] = [];
  for (const [run] of text.normalize('NFKC').toLowerCase().matchAll(wordPattern)) {
    if (isPlain(run)) words.push(cutWord(run));
    else words.push(...splitRun(run));
  }
  return words;
}

/** Most are: no script without spaces begins below. */
const isPlain = (run: string): boolean => !/[\u0e00-\uffff]/.test(run);

function splitRun(run: string): string[] {
  const words: string[] = [];
  let last = 0;
  const add = (plain: string) => {
    if (plain !== '') words.push(cutWord(plain));
  };
  for (const match of run.matchAll(unspaced)) {
    add(run.slice(last, match.index));
    const characters = [...match[0]];
    if (characters.length === 1) words.push(characters[0]!);
    for (let at = 0; at + 1 < characters.length; at++) words.push(characters[at]! + characters[at + 1]!);
    last = match.index + match[0].length;
  }
  add(run.slice(last));
  return words;
}
