/** The lints, one a row. Each is silenced for one policy by `@allow("its-id")`, errors apart. */
import { annotationValue, noId, unknownAllow, unknownAnnotation } from './annotations.ts';
import { computesTime } from './computes.ts';
import { constantCondition, outOfRange, starInEquals } from './constants.ts';
import { confusingText, neverHolds } from './engine.ts';
import type { Lint } from './lint.ts';
import { duplicate, forbidsEverything, permitForEveryone, shadowed } from './reach.ts';
import { privateAddress, readsQuery } from './requests.ts';
import { forbidNeedsGood, permitNeedsBad } from './turned-facts.ts';
import { unknownOperation, unknownValue } from './values.ts';

export const lints: readonly Lint[] = [
  permitNeedsBad,
  forbidNeedsGood,
  permitForEveryone,
  forbidsEverything,
  shadowed,
  duplicate,
  constantCondition,
  neverHolds,
  outOfRange,
  unknownValue,
  unknownOperation,
  starInEquals,
  confusingText,
  readsQuery,
  privateAddress,
  computesTime,
  noId,
  unknownAnnotation,
  annotationValue,
  unknownAllow(() => lints.map(({ id }) => id)),
];
