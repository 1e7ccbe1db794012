/** Reads the sample organisation as `posternctl apply -f DIR` would, with the ports that the sample apps were given. */
import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parse } from 'yaml';
import type { Bundle } from '#shared/contracts/admin-objects.ts';
import type { Ports } from './ports.ts';

export const organisationDir = join(import.meta.dirname, 'organisation');

export function readOrganisation(ports: Ports): Bundle {
  const bundle = parse(readFileSync(join(organisationDir, 'organisation.yaml'), 'utf8')) as Bundle;
  const apps = bundle.apps?.map((app) => {
    const place = `127.0.0.1:${ports[app.id as 'wiki' | 'payroll' | 'live' | 'echo']}`;
    return { ...app, upstream: app.kind === 'http' ? `http://${place}` : place };
  });
  return {
    ...bundle,
    apps: apps as NonNullable<Bundle['apps']>,
    policies: filesOf('.cedar'),
    policyTests: filesOf('.tests.yaml'),
  };
}

const filesOf = (ending: string) =>
  globSync(`policies/*${ending}`, { cwd: organisationDir })
    .sort()
    .map((file) => ({ id: basename(file, ending), text: readFileSync(join(organisationDir, file), 'utf8') }));
