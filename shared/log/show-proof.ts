/** What a checked proof says, as lines for people: nothing of it can act as anything but text on a terminal. */
import type { CheckedProof } from './check-proof.ts';

export function showProof({ origin, size, index, record, disclosed, withheld, signedBy }: CheckedProof): string[] {
  const members = { ...record, ...disclosed };
  const width = Math.max(...Object.keys(members).map((name) => name.length));
  return [
    `Holds: leaf ${index} of ${size} in ${plain(origin)}`,
    ...signedBy.map(({ key, time }) => {
      const at = time === undefined ? '' : `, seen ${show('time', time * 1000)}`;
      return `Signed by ${plain(key.name)}${at}`;
    }),
    '',
    ...Object.entries(members).map(([name, value]) => `${plain(name).padEnd(width)}  ${show(name, value)}`),
    ...(withheld.length === 0 ? [] : ['', `Not shown, or erased: ${withheld.map(plain).join(', ')}`]),
  ];
}

/** For `--json`. */
export function proofToJson({ root, signedBy, ...rest }: CheckedProof): object {
  const by = signedBy.map(({ key, time }) => ({ name: key.name, ...(time === undefined ? {} : { time }) }));
  return { holds: true, ...rest, root: root.toString('base64'), signedBy: by };
}

function show(name: string, value: unknown): string {
  if (name === 'time' && typeof value === 'number' && Math.abs(value) <= 8.64e15) return new Date(value).toISOString();
  return plain(typeof value === 'string' ? value : JSON.stringify(value));
}

/** Controls, and what turns the direction of text or hides, as escapes. */
export function plain(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cs}]/gu, (c) => `\\u{${c.codePointAt(0)!.toString(16)}}`);
}
