/** Free text of a search: words that must all be there, `"words in this order"`, `begin*`. */
import { wordsIn } from './words.ts';

export interface Phrase {
  /** One after the other in one field of the record. */
  readonly words: readonly string[];
  /** The last word is only the beginning of one. */
  readonly open: boolean;
}

/** Undefined when a quotation has no end. */
export function readText(text: string): Phrase[] | undefined {
  const phrases: Phrase[] = [];
  if ((text.match(/"/g)?.length ?? 0) % 2 === 1) return undefined;
  for (const [, quoted, plain] of text.matchAll(/"([^"]*)"|([^\s"]+)/g)) {
    const one = quoted ?? plain!;
    const words = wordsIn(one);
    // `payroll/export` are two words of which the second follows the first.
    if (words.length > 0) phrases.push({ words, open: quoted === undefined && one.endsWith('*') });
  }
  return phrases;
}

/** Whether each phrase stands in one of the texts. */
export function hasPhrases(texts: readonly string[], phrases: readonly Phrase[]): boolean {
  const read = texts.map(wordsIn);
  return phrases.every((phrase) => read.some((words) => stands(words, phrase)));
}

function stands(words: readonly string[], { words: wanted, open }: Phrase): boolean {
  for (let at = 0; at + wanted.length <= words.length; at++) {
    const fits = wanted.every((word, index) => {
      const here = words[at + index]!;
      return open && index === wanted.length - 1 ? here.startsWith(word) : here === word;
    });
    if (fits) return true;
  }
  return false;
}
