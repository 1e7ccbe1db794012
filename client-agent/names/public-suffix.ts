/**
 * Zones that are nobody's own: `co.uk`, `github.io`. Whoever takes one takes the names of all who have one below it. By the Public Suffix
 * List (publicsuffix.org, both of its sections) of the installed version of `tldts`; a top-level domain that is not in it is one, too.
 */
import { PosternError } from '#shared/base/errors.ts';

/** `zones` in lower case. Throws `invalid-config` when one of them is a public suffix. */
export async function refusePublicSuffixes(zones: readonly string[]): Promise<void> {
  // Late: the list is some megabytes, which an agent without real names does not pay for.
  const { getPublicSuffix } = await import('tldts');
  for (const zone of zones) {
    const suffix = getPublicSuffix(zone, { allowPrivateDomains: true, extractHostname: false });
    if (suffix !== null && suffix !== zone) continue;
    throw new PosternError(
      'invalid-config',
      `${JSON.stringify(zone)} is a public suffix: names below it belong to many. Take a zone of your own below it (sdp.example.${zone})`,
    );
  }
}
