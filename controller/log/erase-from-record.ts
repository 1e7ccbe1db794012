/** What of a record goes when a person is erased (P34). Pure. What is hashed stays, so that every proof stays right. */
import type { AccessRecord } from '#shared/contracts/record.ts';
import type { Disclosure } from '#shared/log/disclosures.ts';

export interface Erased {
  readonly id: string;
  readonly devices: ReadonlySet<string>;
  /** Full name and mail address. */
  readonly names: readonly string[];
}

/** Words of our own that a person's id may also be: they stand for themselves. */
const ownWords = new Set([
  'role',
  'state',
  'what',
  'kind',
  'how',
  'method',
  'purpose',
  'reason',
  'wanted',
  'as',
  'review',
  'decision',
]);

/**
 * The disclosures that stay; undefined when all do. Of a record of the person nothing stays but who else acted in it; of what they did to
 * others, that it was they and from where goes; of everybody else's, what was said of them.
 */
export function eraseFromRecord(
  record: Pick<AccessRecord, 'person' | 'device' | 'actor'>,
  disclosures: readonly Disclosure[],
  who: Erased,
): Disclosure[] | undefined {
  const own = record.person === who.id || (record.device !== undefined && who.devices.has(record.device));
  const acted = record.actor === who.id;
  const stays = ([, name, value]: Disclosure): boolean => {
    if (own) return name === 'actor' && !acted;
    if (acted && (name === 'actor' || name === 'from')) return false;
    if (name === 'because') return !isNamed(String(value), [who.id, ...who.names]);
    return name !== 'details' || !speaksOf(value, who);
  };
  const kept = disclosures.filter(stays);
  return kept.length === disclosures.length ? undefined : kept;
}

/** As a word of its own, whatever its case. */
export function isNamed(text: string, names: readonly string[]): boolean {
  return names.some((name) => {
    const word = name.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
    return new RegExp(`(?<![\\p{L}\\p{N}_])${word}(?![\\p{L}\\p{N}_])`, 'iu').test(text);
  });
}

/** An id is meant only where it stands alone or in a policy's way of naming people: it may be a common word. */
function speaksOf(value: unknown, who: Erased): boolean {
  if (typeof value === 'string')
    return value === who.id || value.includes(`Person::"${who.id}"`) || isNamed(value, who.names);
  if (Array.isArray(value)) return value.some((member) => speaksOf(member, who));
  if (typeof value !== 'object' || value === null) return false;
  return Object.entries(value).some(
    ([key, member]) => key === who.id || (!(ownWords.has(key) && member === who.id) && speaksOf(member, who)),
  );
}
