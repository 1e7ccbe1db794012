/** Both the boot policy and System Integrity Protection: without the second the first guards only the first second. */
import { outputOf } from '../host.ts';
import { type Probe, unknown, verdict } from '../probe.ts';
import { parseBootPolicy, parseCsrutil } from './parse-secure-boot.ts';

export const secureBoot: Probe<'secureBoot'> = {
  fact: 'secureBoot',
  os: 'macos',
  privilege: 'none',
  async run(host) {
    const sip = parseCsrutil((await outputOf(host, 'csrutil', ['status'])) ?? '');
    if (sip === false) return verdict<'secureBoot'>(false, 'System Integrity Protection is off');
    const policy = parseBootPolicy((await outputOf(host, 'system_profiler', ['SPiBridgeDataType'])) ?? '');
    if (policy === 'open') return verdict<'secureBoot'>(false, 'the boot policy lets unsigned systems start');
    if (sip === undefined || policy === undefined) return unknown('the boot policy is not told (older Macs have none)');
    return verdict<'secureBoot'>(true);
  },
};
