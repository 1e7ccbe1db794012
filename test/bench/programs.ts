/** The programs a benchmark is measured beside. */
import { findProgram } from '../support/programs.ts';
import type { Bench, Program } from './measure.ts';

const packages: Record<Program, string> = {
  taskset: 'util-linux',
  nginx: 'nginx',
  haproxy: 'haproxy',
  nft: 'nftables',
  ip: 'iproute2',
  tcpdump: 'tcpdump',
  fwknopd: 'fwknop-server',
  fwknop: 'fwknop-client',
  iptables: 'iptables',
};

/** Throws what to install when one is missing. */
export function needPrograms({ name, needs = [] }: Bench): void {
  const missing = needs.filter((program) => findProgram(program) === undefined);
  if (missing.length === 0) return;
  const install = missing.map((program) => packages[program]).join(' ');
  throw new Error(`the benchmark ${name} needs ${missing.join(' and ')}: apt-get install ${install}`);
}
