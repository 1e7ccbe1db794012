/** What stands in annotations: a misspelled one says nothing, and nobody would notice. */
import { nearestName } from '#shared/base/nearest-name.ts';
import { quoted } from '../policy-tokens.ts';
import { allowedLints } from './allowed.ts';
import type { Lint, LintedPolicy } from './lint.ts';

/** Each with the values it may have; none: any text. */
const annotations: Readonly<Record<string, readonly string[] | undefined>> = {
  id: undefined,
  reason: undefined,
  tell: undefined,
  allow: undefined,
  authorization: ['once'],
};

export const noId: Lint = {
  id: 'no-id',
  severity: 'warning',
  about:
    'A policy without @id is named by its place in the file: records and tests lose it when another is put before it.',
  find: ({ json, name }) =>
    json.annotations?.['id']
      ? []
      : [{ message: `This policy has no @id: it is called "${name}" only as long as it stands where it stands.` }],
};

export const unknownAnnotation: Lint = {
  id: 'unknown-annotation',
  severity: 'warning',
  about:
    'An annotation that is not known does nothing: @id, @reason, @tell, @authorization("once") and @allow("lint") are.',
  find: (policy) =>
    annotationsOf(policy).flatMap(([name]) => {
      if (Object.hasOwn(annotations, name)) return [];
      const near = nearestName(name, Object.keys(annotations));
      const advice = near === undefined ? '' : ` Did you mean @${near}?`;
      return [{ message: `@${name} is not known and does nothing.${advice}`, at: [['@', name]] }];
    }),
};

export const annotationValue: Lint = {
  id: 'annotation-value',
  severity: 'error',
  about: '@authorization has one value, "once": with another the policy would not be what its author means.',
  find: (policy) =>
    annotationsOf(policy).flatMap(([name, value]) => {
      const values = Object.hasOwn(annotations, name) ? annotations[name] : undefined;
      if (values === undefined || values.includes(value)) return [];
      const message = `@${name} can be ${values.map(quoted).join(' or ')}, not ${quoted(value)}.`;
      return [{ message, at: [['@', name]] }];
    }),
};

/** Told here because the table of lints cannot look at itself. */
export function unknownAllow(ids: () => readonly string[]): Lint {
  return {
    id: 'unknown-allow',
    severity: 'warning',
    about: '@allow names a lint that does not exist: it silences nothing.',
    find: (policy) =>
      allowedLints(policy.json)
        .filter((name) => !ids().includes(name))
        .map((name) => {
          const near = nearestName(name, ids());
          return {
            message: `There is no lint "${name}".${near === undefined ? '' : ` Did you mean "${near}"?`}`,
            at: [['@', 'allow']],
          };
        }),
  };
}

const annotationsOf = ({ json }: LintedPolicy): [string, string][] =>
  Object.entries(json.annotations ?? {}).map(([name, value]) => [name, value ?? '']);
