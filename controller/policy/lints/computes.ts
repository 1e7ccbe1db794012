import { readPolicy } from '../read-policy.ts';
import type { Lint } from './lint.ts';

export const computesTime: Lint = {
  id: 'computes-time',
  severity: 'warning',
  about:
    'An age or the time used otherwise than beside a number: how long a grant may live is then found second by second.',
  find: ({ json }) =>
    readPolicy(json).computes
      ? [
          {
            message:
              'This policy computes with an age or the time, so that each grant is looked at second by second: compare it with a number.',
          },
        ]
      : [],
};
