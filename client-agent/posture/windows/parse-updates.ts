/** `{searched: ISO time, updates: [{id, released: ISO time}]}` of the Windows Update Agent. */
import type { WaitingUpdate } from '../update-age.ts';
import { asFields, asList } from './powershell.ts';

export function parseWindowsUpdates(value: unknown): { searched: number; waiting: WaitingUpdate[] } | undefined {
  const answer = asFields(value);
  const searched = asTime(answer?.['searched']);
  const updates = answer !== undefined && 'updates' in answer ? asList(answer['updates']) : undefined;
  if (searched === undefined || updates === undefined) return undefined;
  const waiting: WaitingUpdate[] = [];
  for (const { id, released } of updates) {
    const issued = asTime(released);
    if (typeof id !== 'string' || issued === undefined) return undefined;
    waiting.push({ name: id.slice(0, 100), issued });
  }
  return { searched, waiting };
}

function asTime(value: unknown): number | undefined {
  if (typeof value !== 'string' || !/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,7})?Z$/.test(value)) return undefined;
  const time = Date.parse(value.replace(/\.\d+Z$/, 'Z'));
  return Number.isFinite(time) ? time : undefined;
}
