/** Times as tests write them, in the organisation's timezone. Pure: a weekday is one of a fixed week. */
import { day, minute } from '#shared/base/clock.ts';

const weekdays = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];
/** Monday of the week that tests live in. */
const monday = Date.UTC(2026, 10, 9);

/** `Tue 10:00`, `2026-12-24T10:00`, or ISO 8601 with Z or an offset. Undefined for a time that does not exist. */
export function momentOf(text: string, timezone: string): number | undefined {
  const inWeek = /^(\w{3}) (\d{1,2}):(\d{2})$/.exec(text);
  if (inWeek !== null) {
    const [hours, minutes] = [Number(inWeek[2]), Number(inWeek[3])];
    if (hours > 23 || minutes > 59) return undefined;
    return toUtc(monday + weekdays.indexOf(inWeek[1]!) * day + (hours * 60 + minutes) * minute, timezone);
  }
  if (/(Z|[+-]\d{2}:\d{2})$/.test(text)) return finite(Date.parse(text));
  const wall = finite(Date.parse(`${text}Z`));
  return wall === undefined ? undefined : toUtc(wall, timezone);
}

const finite = (at: number): number | undefined => (Number.isFinite(at) ? at : undefined);

/** `wall`: what clocks there show, counted as if it were UTC. Two steps, since the offset may change on the way. */
function toUtc(wall: number, timezone: string): number {
  const first = wall - offsetAt(wall, timezone);
  return wall - offsetAt(first, timezone);
}

function offsetAt(at: number, timezone: string): number {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: timezone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
  });
  const parts: Record<string, number> = {};
  for (const { type, value } of format.formatToParts(at)) parts[type] = Number(value);
  const shown = Date.UTC(parts['year']!, parts['month']! - 1, parts['day'], parts['hour'], parts['minute']);
  return shown - Math.floor(at / minute) * minute;
}
