import { whyNot } from '../host.ts';
import { type Probe, unknown, verdict } from '../probe.ts';
import { parseFdesetup } from './parse-fdesetup.ts';

export const diskEncrypted: Probe<'diskEncrypted'> = {
  fact: 'diskEncrypted',
  os: 'macos',
  privilege: 'none',
  async run(host) {
    const run = await host.exec('fdesetup', ['status']);
    if (!run.ran || run.code !== 0) return unknown(whyNot('fdesetup', run));
    const on = parseFdesetup(run.stdout);
    return on === undefined ? unknown('the answer of fdesetup is not understood') : verdict<'diskEncrypted'>(on);
  },
};
