/** A new authenticator app and new recovery codes, shown once in the terminal. */
import type { CliCall } from '#shared/base/cli.ts';
import { safeText } from '#shared/base/print-table.ts';

export interface TotpShown {
  readonly secret: string;
  readonly uri: string;
}

/** With `--json` one line, for a program that makes the code itself. */
export async function showTotp(call: CliCall, { secret, uri }: TotpShown): Promise<void> {
  if (call.json) {
    call.io.out(JSON.stringify({ step: 'confirm-totp', totp: { secret, uri } }));
    return;
  }
  call.io.err('Add Postern to your authenticator app: scan the picture, or type the secret.');
  if (process.stderr.isTTY) {
    const { drawQrCode, makeQrCode } = await import('../portal/qr-code.ts');
    call.io.err(drawQrCode(await makeQrCode(uri)));
  }
  call.io.err(`Secret: ${safeText(secret)}`);
  call.io.err(`Link:   ${safeText(uri)}`);
}

export function showRecoveryCodes(call: CliCall, codes: readonly string[]): void {
  call.io.err('Recovery codes. Each lets you in once if you lose the app; keep them, they are shown only now:');
  for (const code of codes) call.io.out(safeText(code));
}
