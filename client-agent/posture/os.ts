/** Which operating system this is: the same probe for each of the three. */
import { osNames } from '#shared/contracts/posture.ts';
import { measured, type Probe } from './probe.ts';

export const osProbes: readonly Probe<'os'>[] = osNames.map((os) => ({
  fact: 'os',
  os,
  privilege: 'none',
  run: async () => measured<'os'>(os),
}));
