import { type Probe, unknown, verdict } from '../probe.ts';
import { parseSecureBoot } from './parse-secure-boot.ts';

/** EFI_GLOBAL_VARIABLE: the vendor's own variables of the same name must not answer for it. */
const variable = '/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c';
const setupMode = '/sys/firmware/efi/efivars/SetupMode-8be4df61-93ca-11d2-aa0d-00e098032b8c';

export const secureBoot: Probe<'secureBoot'> = {
  fact: 'secureBoot',
  os: 'linux',
  privilege: 'none',
  async run(host) {
    const efi = await host.stat('/sys/firmware/efi');
    if (!efi.ok) {
      return efi.why === 'missing' ? verdict<'secureBoot'>(false, 'started without UEFI') : unknown('sysfs is hidden');
    }
    const read = await host.readFile(variable);
    if (!read.ok) return unknown('the UEFI variables cannot be read');
    const on = parseSecureBoot(read.value);
    if (on === undefined) return unknown('the UEFI variable has an odd form');
    // In setup mode anyone may put in keys, so the switch alone means nothing.
    const setup = await host.readFile(setupMode);
    if (on && setup.ok && parseSecureBoot(setup.value) === true) return verdict<'secureBoot'>(false, 'in setup mode');
    return verdict<'secureBoot'>(on);
  },
};
