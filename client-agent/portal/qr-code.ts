/** The QR code of an otpauth link. Made on this device: the secret in it goes to no other site. */

export interface QrCode {
  /** Modules on a side, without the quiet zone. */
  readonly size: number;
  /** `size` rows of `size` characters: 1 is dark. */
  readonly rows: readonly string[];
}

export async function makeQrCode(text: string): Promise<QrCode> {
  // Loaded late: it is needed once or twice in the life of a device.
  const { default: qrcode } = await import('qrcode-generator');
  const code = qrcode(0, 'M');
  // The library takes the low byte of each character.
  code.addData(Buffer.from(text, 'utf8').toString('latin1'), 'Byte');
  code.make();
  const size = code.getModuleCount();
  const each = Array.from({ length: size }, (_, at) => at);
  return { size, rows: each.map((y) => each.map((x) => (code.isDark(y, x) ? '1' : '0')).join('')) };
}

export async function withQrCode<T extends { readonly uri: string }>(totp: T): Promise<T & { qr: QrCode }> {
  return { ...totp, qr: await makeQrCode(totp.uri) };
}

/** Two rows of modules a line, dark on light whatever the terminal's colours are; with the quiet zone. */
export function drawQrCode({ size, rows }: QrCode): string {
  const quiet = 2;
  const isDark = (x: number, y: number) => rows[y - quiet]?.[x - quiet] === '1';
  const lines: string[] = [];
  for (let y = 0; y < size + 2 * quiet; y += 2) {
    let line = '';
    for (let x = 0; x < size + 2 * quiet; x += 1) {
      const [upper, lower] = [isDark(x, y), isDark(x, y + 1)];
      line += upper ? (lower ? '\u2588' : '\u2580') : lower ? '\u2584' : ' ';
    }
    lines.push(`\u001b[30;47m${line}\u001b[0m`);
  }
  return lines.join('\n');
}
