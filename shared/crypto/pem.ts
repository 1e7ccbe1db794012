/** PEM (RFC 7468) in its strict form: one block of one kind, nothing around it but white space. */

const lineLength = 64;

export function toPem(label: string, der: Uint8Array): string {
  const text = Buffer.from(der).toString('base64');
  const lines = text.match(new RegExp(`.{1,${lineLength}}`, 'g')) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}

/** The bytes of the one block, or undefined when the text is anything but one block with this label. */
export function fromPem(label: string, text: string): Buffer | undefined {
  const begin = `-----BEGIN ${label}-----`;
  const end = `-----END ${label}-----`;
  const trimmed = text.trim();
  if (!trimmed.startsWith(begin) || !trimmed.endsWith(end) || trimmed.length < begin.length + end.length)
    return undefined;
  const body = trimmed.slice(begin.length, -end.length).replaceAll(/[\r\n]/g, '');
  const bytes = Buffer.from(body, 'base64');
  return bytes.length > 0 && bytes.toString('base64') === body ? bytes : undefined;
}
