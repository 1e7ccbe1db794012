/**
 * Since when something has been waiting, for systems that do not say. Kept over restarts in one small JSON file; without
 * the file, or with an unreadable one, every look is a first look, and the caller judges from the bad side.
 */
import { readFile, rename, writeFile } from 'node:fs/promises';
import type { Clock } from '#shared/base/clock.ts';
import type { Host } from './host.ts';

/** `null`: there at the first look. Times in ms. */
interface Topic {
  lastLook: number;
  items: Record<string, number | null>;
}
const maxItems = 5000;

export function rememberFirstSeen(clock: Clock, file?: string): Host['firstSeen'] {
  let topics: Promise<Map<string, Topic>> | undefined;
  let writing: Promise<void> = Promise.resolve();
  return async (topic, items) => {
    topics ??= load(file);
    const known = await topics;
    const before = known.get(topic);
    const now = clock.now();
    const after: Topic = { lastLook: now, items: Object.create(null) };
    for (const item of items.slice(0, maxItems)) {
      const seen = before?.items[item];
      // A clock that was set back must not make a time of the future.
      after.items[item] = seen === null || before === undefined ? null : Math.min(seen ?? before.lastLook, now);
    }
    known.set(topic, after);
    if (file !== undefined) {
      writing = writing.catch(() => undefined).then(() => save(file, known));
      await writing;
    }
    return new Map(Object.entries(after.items).map(([item, since]) => [item, since ?? undefined]));
  };
}

async function load(file: string | undefined): Promise<Map<string, Topic>> {
  const topics = new Map<string, Topic>();
  if (file === undefined) return topics;
  let parsed: unknown;
  try {
    parsed = JSON.parse(await readFile(file, 'utf8'));
  } catch {
    return topics;
  }
  for (const [name, topic] of Object.entries(asObject(parsed))) {
    const { lastLook, items } = asObject(topic);
    if (typeof lastLook !== 'number' || !Number.isFinite(lastLook)) continue;
    const known: Topic = { lastLook, items: Object.create(null) };
    for (const [item, since] of Object.entries(asObject(items))) {
      if (since === null || (typeof since === 'number' && Number.isFinite(since))) known.items[item] = since;
    }
    topics.set(name, known);
  }
  return topics;
}

function asObject(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

async function save(file: string, topics: Map<string, Topic>): Promise<void> {
  await writeFile(`${file}.new`, JSON.stringify(Object.fromEntries(topics)), { mode: 0o600 });
  await rename(`${file}.new`, file);
}
