/**
 * The checkpoints in a file that somebody kept: a note; a proof, which has one; lines of JSON as places outside get them; or lines of syslog
 * with such JSON at their end. Nothing is verified here.
 */
import { parseProofFile, proofHeader } from './proof-file.ts';
import { asText, refuse } from './signed-note.ts';

const maxFileBytes = 256 * 1024 * 1024;

/** In the order of the file, each once. Throws `proof-refused` when there is none. */
export function keptNotes(input: string | Uint8Array): string[] {
  const text = asText(input, maxFileBytes, 'file');
  if (text.startsWith(proofHeader)) return [parseProofFile(text).checkpoint];
  const lines = new Set(text.split('\n').flatMap((line) => noteIn(line) ?? []));
  if (lines.size > 0) return [...lines];
  if (text.trim() === '') throw refuse('the file is empty');
  return [text];
}

function noteIn(line: string): string | undefined {
  const at = line.indexOf('{');
  if (at < 0 || !line.includes('"checkpoint":')) return undefined;
  let value: { checkpoint?: unknown; details?: { checkpoint?: unknown } };
  try {
    value = JSON.parse(line.slice(at));
  } catch {
    // Cut short, as a file of a machine that lost its power may be.
    return undefined;
  }
  const note = value.checkpoint ?? value.details?.checkpoint;
  return typeof note === 'string' ? note : undefined;
}
