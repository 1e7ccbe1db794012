/** Patterns that several schemas share, each with what it says for people: who mistyped a value cannot be asked to read a regular expression. */

/** Names an admin gives: lower case, safe in SPIFFE paths, hosts and files. */
export const slugPattern = '^[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?$';
/** An app's id is also a DNS label; two are no app's (P29). */
export const appIdPattern = '^(?!postern(-console)?$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$';
/** Identifiers that Postern makes. */
export const madeIdPattern = '^[a-z0-9][a-z0-9_-]{7,63}$';
export const hostNamePattern =
  '^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$';
/** `host:port`, IPv6 in brackets. */
export const addressPattern = '^(\\[[0-9a-fA-F:.]+\\]|[A-Za-z0-9._-]+):[0-9]{1,5}$';

const words: ReadonlyMap<unknown, string> = new Map([
  [
    slugPattern,
    'is a name of 1 to 63 lower-case letters, digits, ".", "_" or "-", with a letter or digit at both ends',
  ],
  [
    appIdPattern,
    'is a name of 1 to 63 lower-case letters, digits or "-", with a letter or digit at both ends, and neither "postern" nor "postern-console"',
  ],
  [madeIdPattern, 'is an id that Postern has made, like dev_kj86xxnxhpkc4f9t: lists and "show" tell it'],
  [hostNamePattern, 'is a host name in lower case, like wiki.example.net, without a port'],
  [addressPattern, 'is HOST:PORT, like control.example.net:8443 or [2001:db8::1]:8443'],
]);

/** A complaint of TypeBox: what a known pattern says, else its message, which names no value. */
export function complaintWords({ keyword, message, params }: Complaint): string {
  const known = keyword === 'pattern' ? words.get((params as { pattern?: unknown } | undefined)?.pattern) : undefined;
  return known ?? message;
}

interface Complaint {
  readonly message: string;
  readonly keyword?: string;
  readonly params?: object;
}
