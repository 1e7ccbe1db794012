/** The configuration of a process that has a state directory: an administrator's file stands in it and needs no `--config`. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Static, TObject } from 'typebox';
import { type ConfigSources, loadConfig } from './config.ts';

export interface OwnFile<T> {
  /** Of the file, like `gateway.yaml`. */
  readonly name: string;
  /** The state directory that a configuration without any file names. */
  readonly dirOf: (config: T) => string;
}

/** As `loadConfig`, which says what it throws; where no file is named, with the one in the state directory when it is there. */
export function loadConfigOfDir<S extends TObject>(
  schema: S,
  sources: ConfigSources,
  own: OwnFile<Static<S>>,
): Static<S> {
  if (sources.file !== undefined) return loadConfig(schema, sources);
  const first = loadConfig(schema, sources);
  const file = join(own.dirOf(first), own.name);
  return existsSync(file) ? loadConfig(schema, { ...sources, file }) : first;
}
