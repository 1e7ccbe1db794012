/** A known product, or the protection of macOS itself: Gatekeeper on and XProtect present. */
import { outputOf } from '../host.ts';
import { type Probe, unknown, verdict } from '../probe.ts';
import { isRunning, listProcesses } from '../processes.ts';
import { protectionProducts } from '../protection-products.ts';

const xprotect = '/Library/Apple/System/Library/CoreServices/XProtect.bundle';

export const antivirusOn: Probe<'antivirusOn'> = {
  fact: 'antivirusOn',
  os: 'macos',
  privilege: 'none',
  async run(host) {
    const names = await listProcesses(host);
    const running = Object.entries(protectionProducts.macos).find(([name]) => names && isRunning(host, names, name));
    if (running !== undefined) return verdict<'antivirusOn'>(true, running[1]);
    const gatekeeper = parseSpctl((await outputOf(host, 'spctl', ['--status'])) ?? '');
    if (gatekeeper === undefined) return unknown('spctl does not say whether Gatekeeper is on');
    const signatures = await host.stat(xprotect);
    const on = gatekeeper && signatures.ok;
    return verdict<'antivirusOn'>(on, on ? 'Gatekeeper and XProtect' : 'Gatekeeper is off or XProtect is missing');
  },
};

export function parseSpctl(output: string): boolean | undefined {
  const text = output.trim();
  return text === 'assessments enabled' ? true : text === 'assessments disabled' ? false : undefined;
}
