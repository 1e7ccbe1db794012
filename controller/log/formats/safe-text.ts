/**
 * Names, paths and reasons come from people and strangers: what is written here can end no line, field or record, however the
 * reader splits them. Half a surrogate pair has no UTF-8 and becomes U+FFFD.
 */

// Beside the C0 range these end a line for some readers (NEL, LS, PS) or move a terminal (C1).
const controls = /[\p{Cc}\u2028\u2029]/gu;
const beyondJson = /[\u007f-\u009f\u2028\u2029]/g;

const unicodeEscape = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;

/** JSON on one line, whatever is taken for a line end, that every UTF-8 reader takes. Undefined members are left out. */
export function toJson(value: unknown): string {
  return withoutHalves(toExactJson(value));
}

/** As `toJson`, but half a surrogate pair stays what it is, as an escape (RFC 8259 section 8.2). */
export function toExactJson(value: unknown): string {
  return JSON.stringify(value).replace(beyondJson, unicodeEscape);
}

/** `JSON.stringify` escapes halves alone, always as `\udXXX`; an escaped backslash before `udXXX` is none. */
function withoutHalves(json: string): string {
  return json.replace(/\\(?:ud[89a-f][0-9a-f]{2}|.)/g, (found) => (found.length === 6 ? '\\ufffd' : found));
}

const shortEscapes: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** Text on one line that can be read back: backslash and controls as JSON escapes them (`\\`, `\n`, `\u001b`). */
export function visible(text: string): string {
  return hideControls(text.replaceAll('\\', '\\\\'));
}

/** As `visible`, but a backslash stays one: for forms that escape it themselves. */
export function hideControls(text: string): string {
  return text.toWellFormed().replace(controls, (character) => shortEscapes[character] ?? unicodeEscape(character));
}

/** Four digits of year, as most readers want; undefined for a time that has more. */
export function isoTime(ms: number): string | undefined {
  return ms <= lastIso ? new Date(ms).toISOString() : undefined;
}
const lastIso = 253_402_300_799_999;
