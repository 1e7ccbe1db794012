/** How far each stream is behind, by the name that an admin gave it. */
import type { Clock } from '#shared/base/clock.ts';
import type { LogStreamShown } from '#shared/contracts/admin-log-streams.ts';
import type { Gauge, Scrape } from '../metrics-server.ts';
import { type ShowParts, showStreams } from './change-streams.ts';

export function streamGauges(parts: ShowParts, clock: Clock): Gauge[] {
  const shown = new WeakMap<Scrape, Promise<LogStreamShown[]>>();
  const show = (scrape: Scrape) => {
    const streams = shown.get(scrape) ?? showStreams(parts, clock.now());
    shown.set(scrape, streams);
    return streams;
  };
  const gauge = (name: string, help: string, value: (stream: LogStreamShown) => number): Gauge => ({
    name: `postern_log_stream_${name}`,
    help,
    read: async (scrape) =>
      (await show(scrape)).map((stream) => ({
        labels: { stream: stream.name },
        value: value(stream),
      })),
  });
  return [
    gauge('behind_records', 'Records that have not arrived at the target', ({ behind }) => behind),
    gauge('behind_seconds', 'Age of the oldest of them', ({ secondsBehind }) => secondsBehind),
    gauge('delivered_records', 'Records that have arrived', ({ delivered }) => delivered),
    gauge('set_aside_records', 'Records that the target refused for good', ({ setAside }) => setAside),
    gauge('failing', '1 while it is tried in vain', ({ trouble }) => (trouble === undefined ? 0 : 1)),
  ];
}
