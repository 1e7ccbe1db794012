/** Comparisons with a text that what is looked at can never be. */
import { nearestName } from '#shared/base/nearest-name.ts';
import { osNames } from '#shared/contracts/posture.ts';
import type { Known } from '../known.ts';
import { quoted } from '../policy-tokens.ts';
import type { Finding, Lint, LintedPolicy } from './lint.ts';
import type { Look } from './looks.ts';

const words: Readonly<Record<string, readonly string[]>> = {
  'context.device.os': [...osNames, 'unknown'],
  'context.device.ownership': ['company', 'personal', 'unknown'],
  'principal.role': ['employee', 'admin', 'auditor', 'owner'],
  'resource.kind': ['http', 'tcp'],
  'context.session.methods': ['pwd', 'otp', 'recovery', 'mfa'],
};

export const unknownValue: Lint = {
  id: 'unknown-value',
  severity: 'warning',
  about:
    'A comparison with a word that the fact never is, as "mac" for "macos", "get" for "GET", or a path without its slash.',
  find: ({ looks }, _, known) => looks.flatMap((look) => findUnknown(look, known)),
};

function findUnknown({ path, value }: Look, known: Known | undefined): Finding[] {
  if (typeof value !== 'string') return [];
  const at = [[quoted(value)]];
  const choice = Object.hasOwn(words, path) ? words[path] : undefined;
  if (choice !== undefined && !choice.includes(value))
    return [{ message: `${path} is never ${quoted(value)}.${advice(value, choice)}`, at }];
  if (path === 'context.device.checks' && known !== undefined && !known.checks.has(value))
    return [{ message: `There is no check ${quoted(value)}.${advice(value, [...known.checks])}`, at }];
  if (path === 'context.request.method' && value === 'HEAD')
    return [{ message: 'HEAD is judged as GET: name GET.', at }];
  if (path === 'context.request.method' && value !== value.toUpperCase())
    return [{ message: `Methods are upper-case: ${quoted(value.toUpperCase())}.`, at }];
  if (path === 'context.request.host' && value !== value.toLowerCase())
    return [{ message: `Hosts are lower-case: ${quoted(value.toLowerCase())}.`, at }];
  if (path === 'context.request.path' && !value.startsWith('/'))
    return [{ message: `A path starts with a slash: ${quoted(`/${value}`)}.`, at }];
  return [];
}

export const unknownOperation: Lint = {
  id: 'unknown-operation',
  severity: 'error',
  about: 'The name of an operation that no app in the scope of the policy has: a forbid of it would never forbid.',
  find: (policy, _, known) => {
    if (known === undefined) return [];
    const names = operationsInScope(policy, known);
    return policy.looks
      .filter(({ path, value }) => path === 'context.request.operation' && value !== '' && !names.has(String(value)))
      .map(({ value }) => ({
        message: `No app in the scope of this policy has an operation ${quoted(String(value))}.${advice(String(value), [...names])}`,
        at: [[quoted(String(value))]],
      }));
  },
};

function operationsInScope({ json: { resource } }: LintedPolicy, known: Known): Set<string> {
  const entity = 'entity' in resource ? resource.entity : undefined;
  const uid = entity && ('__entity' in entity ? entity.__entity : entity);
  const apps = [...known.apps.values()].filter(
    ({ id, groups = [] }) => uid === undefined || (uid.type === 'App' ? id === uid.id : groups.includes(uid.id)),
  );
  return new Set(apps.flatMap((app) => (app.kind === 'http' ? Object.keys(app.operations ?? {}) : [])));
}

const most = 12;

function advice(given: string, choice: readonly string[]): string {
  const near = nearestName(given, choice);
  if (near !== undefined) return ` Did you mean ${quoted(near)}?`;
  return choice.length === 0 || choice.length > most ? '' : ` There is: ${choice.join(', ')}.`;
}
