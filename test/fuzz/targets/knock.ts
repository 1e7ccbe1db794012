/** The judge of knocks: only one whose every byte is as a device with a key wrote it, in time and for the first time, is good. */
import type fc from 'fast-check';
import { knockReasons } from '#shared/contracts/knock.ts';
import { type KnockCase, knockCases, openFuzzedDoor } from '../knock-cases.ts';
import { type FuzzTarget, must, type OpenTarget } from '../target.ts';

export const knock: FuzzTarget = {
  name: 'knock',
  about: 'knocks at the judge of a door: noise, altered knocks, authentic ones with anything in them',
  block: 2000,
  async open() {
    const door = openFuzzedDoor();
    return {
      cases: knockCases as fc.Arbitrary<never>,
      async judge(one: KnockCase) {
        const { bytes, isGood, mayBeGood } = door.make(one);
        const verdict = await door.judge.judge(bytes, '192.0.2.7', 'observed');
        if (verdict.ok) must(mayBeGood(bytes), 'a knock that no device wrote was good');
        else {
          must(Object.hasOwn(knockReasons, verdict.reason), `refused for ${verdict.reason}, which is no reason`);
          must(!isGood(bytes), `a good knock was refused: ${verdict.reason}`);
        }
      },
      settle: () => door.mustKnowReasons(),
    } as OpenTarget<never>;
  },
};
