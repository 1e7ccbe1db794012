/** What the official engine complains of, in the words of this product. */
import type { DetailedError } from '@cedar-policy/cedar-wasm/nodejs';
import { nearestName } from '#shared/base/nearest-name.ts';

const most = 2000;

export function tellEngine(error: DetailedError): string {
  const message = error.message
    .replace(/^for policy `[^`]*`, /, '')
    .replace(/^failed to parse policies from string: /, '')
    .replace(/ in context for Action::"\w+" not found$/, ' in context not found');
  if (message === 'attribute `request` in context not found')
    return 'context.request is known for requests only: name the action, action == Action::"request"';
  const help = error.help?.replace(/^for policy `[^`]*`, /, '') ?? '';
  const parts = [message, error.sourceLocations?.[0]?.label, isFarFetched(message, help) ? '' : help];
  return parts.filter(Boolean).join('; ').slice(0, most);
}

/** The engine suggests the nearest name however far it is. */
function isFarFetched(message: string, help: string): boolean {
  const suggested = /^did you mean `(.*)`\?$/.exec(help)?.[1];
  const given = /`(?:\w+\.)*(\w+)`/.exec(message)?.[1];
  if (suggested === undefined || given === undefined) return false;
  return message.startsWith('attribute ') && nearestName(given, [suggested]) === undefined;
}
