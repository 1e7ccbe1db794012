/**
 * What the last search of macOS itself found; the agent does not ask Apple. It tells no dates, so an update that waited at
 * the first look counts from the day the system was last changed.
 */
import { type Host, outputOf } from '../host.ts';
import { judgeWaiting, type Pending } from '../update-age.ts';
import { parseCount, parseDefaultsDate, parseRecommended } from './parse-software-update.ts';

const domain = '/Library/Preferences/com.apple.SoftwareUpdate';
const systemVersion = '/System/Library/CoreServices/SystemVersion.plist';

export async function readPending(host: Host): Promise<Pending> {
  const read = async (key: string) => (await outputOf(host, 'defaults', ['read', domain, key])) ?? '';
  const listDate =
    parseDefaultsDate(await read('LastFullSuccessfulDate')) ?? parseDefaultsDate(await read('LastSuccessfulDate'));
  if (listDate === undefined) return { known: false, detail: 'macOS has not searched for updates' };
  const count = parseCount(await read('LastUpdatesAvailable'));
  if (count === undefined) return { known: false, detail: 'macOS does not say whether updates wait' };
  const names = count === 0 ? [] : parseRecommended(await read('RecommendedUpdates'));
  if (names === undefined || names.length < count)
    return { known: false, detail: 'the list of updates is not understood' };
  const version = await host.stat(systemVersion);
  const changed = version.ok ? { changed: version.value.mtimeMs } : {};
  const seen = await host.firstSeen('macos', names);
  const waiting = names.map((name) => ({ name, ...changed }));
  return judgeWaiting(waiting, { now: host.now(), listDate, seen });
}
