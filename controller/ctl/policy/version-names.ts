import type { PolicyFiles } from '../read-directory.ts';
import type { NamedText } from './write-files.ts';

export interface DraftFiles {
  readonly files: PolicyFiles;
  readonly tests: PolicyFiles;
}

/** The files of a version under the names that a directory has them. */
export const namedFiles = ({ files, tests }: DraftFiles): NamedText[] => [
  ...files.map(({ id, text }) => ({ name: `${id}.cedar`, text })),
  ...tests.map(({ id, text }) => ({ name: `${id}.tests.yaml`, text })),
];
