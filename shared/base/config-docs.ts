/** Option docs, generated from the schema that loads the options, so that they cannot disagree. */
import type { TObject } from 'typebox';
import { type ConfigOption, listOptions, type OptionSchema } from './config-options.ts';
import { PosternError } from './errors.ts';

/** A Markdown table of every option. Throws `invalid-config` for an option without a description. */
export function describeConfig(schema: TObject, prefix = 'POSTERN_'): string {
  const rows = listOptions(schema, prefix).map((option) => {
    const { name, variable } = option;
    return `| \`${name}\` | \`${variable}\` | ${kindOf(option.schema)} | ${defaultOf(option)} | ${wordsOf(option)} |`;
  });
  return ['| Option | Variable | Kind | Default | What it does |', '|---|---|---|---|---|', ...rows, ''].join('\n');
}

function kindOf(schema: OptionSchema): string {
  const words = schema.enum;
  if (Array.isArray(words)) return words.map((word) => `\`${word}\``).join(', ');
  if (schema.type === 'array') return `list of ${kindOf(schema.items ?? {})}`;
  const { minimum, maximum } = schema as { minimum?: number; maximum?: number };
  const range =
    minimum !== undefined && maximum !== undefined
      ? ` from ${minimum} to ${maximum}`
      : minimum !== undefined
        ? ` from ${minimum}`
        : maximum !== undefined
          ? ` up to ${maximum}`
          : '';
  return `${schema.type ?? 'one of several forms'}${range}`;
}

function defaultOf({ schema, required }: ConfigOption): string {
  if (schema.default !== undefined) return `\`${JSON.stringify(schema.default)}\``;
  return required ? 'must be set' : 'none';
}

function wordsOf({ name, schema: { title, description } }: ConfigOption): string {
  if (description === undefined) throw new PosternError('invalid-config', `option ${name} has no description`);
  return [title, description]
    .filter((text) => text !== undefined)
    .join(': ')
    .replaceAll('|', '\\|')
    .replaceAll('\n', ' ');
}
