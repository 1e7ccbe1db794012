import { whyNot } from '../host.ts';
import { type Probe, unknown, verdict } from '../probe.ts';
import { parseAlf } from './parse-alf.ts';

const tool = '/usr/libexec/ApplicationFirewall/socketfilterfw';

export const firewallOn: Probe<'firewallOn'> = {
  fact: 'firewallOn',
  os: 'macos',
  privilege: 'none',
  async run(host) {
    const run = await host.exec(tool, ['--getglobalstate']);
    if (!run.ran || run.code !== 0) return unknown(whyNot('socketfilterfw', run));
    const on = parseAlf(run.stdout);
    return on === undefined ? unknown('the answer of socketfilterfw is not understood') : verdict<'firewallOn'>(on);
  },
};
