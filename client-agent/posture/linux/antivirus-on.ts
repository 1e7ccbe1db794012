import { type Probe, unknown, verdict } from '../probe.ts';
import { isRunning, listProcesses } from '../processes.ts';
import { protectionProducts } from '../protection-products.ts';

export const antivirusOn: Probe<'antivirusOn'> = {
  fact: 'antivirusOn',
  os: 'linux',
  privilege: 'none',
  async run(host) {
    const names = await listProcesses(host);
    if (names === undefined) return unknown('the list of processes is hidden');
    const running = Object.entries(protectionProducts.linux).find(([name]) => isRunning(host, names, name));
    return verdict<'antivirusOn'>(running !== undefined, running?.[1] ?? 'no known protection is running');
  },
};
