import { type Probe, unknown, verdict } from '../probe.ts';
import { parseFirewallProfiles } from './parse-firewall.ts';
import { ask, type Script } from './powershell.ts';

const script: Script = {
  name: 'the firewall',
  text: "$p=@(Get-NetFirewallProfile -PolicyStore ActiveStore|Select-Object Name,@{n='Enabled';e={[int]$_.Enabled}},@{n='DefaultInboundAction';e={[int]$_.DefaultInboundAction}});@{profiles=$p}|ConvertTo-Json -Depth 3 -Compress",
};

export const firewallOn: Probe<'firewallOn'> = {
  fact: 'firewallOn',
  os: 'windows',
  privilege: 'none',
  async run(host) {
    const answer = await ask(host, script);
    if (!answer.ok) return unknown(answer.detail);
    const on = parseFirewallProfiles(answer.value);
    return on === undefined ? unknown('the state of the firewall is not understood') : verdict<'firewallOn'>(on);
  },
};
