/** The options of a configuration schema: one list for loading, for variables and for the docs. */
import type { TObject, TSchema } from 'typebox';

export interface ConfigOption {
  /** `['listen', 'port']`. */
  readonly path: readonly string[];
  /** `listen.port`. */
  readonly name: string;
  /** `POSTERN_LISTEN_PORT`. */
  readonly variable: string;
  readonly schema: OptionSchema;
  /** True when it has no default and its section is always there. */
  readonly required: boolean;
}

export interface OptionSchema extends TSchema {
  readonly type?: string;
  readonly title?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly string[];
  readonly items?: OptionSchema;
}

export function isSection(schema: TSchema): schema is TObject {
  return 'properties' in schema && typeof schema['properties'] === 'object';
}

/** Every option, sections walked in their order. `prefix` ends in `_`. */
export function listOptions(schema: TObject, prefix: string): ConfigOption[] {
  const options: ConfigOption[] = [];
  const walk = (section: TObject, above: readonly string[], isCertain: boolean) => {
    const needed = new Set((section.required as readonly string[] | undefined) ?? []);
    for (const [key, child] of Object.entries(section.properties as Record<string, OptionSchema>)) {
      const path = [...above, key];
      if (isSection(child)) {
        walk(child, path, isCertain && needed.has(key));
        continue;
      }
      const required = isCertain && needed.has(key) && child.default === undefined;
      options.push({ path, name: path.join('.'), variable: variableOf(path, prefix), schema: child, required });
    }
  };
  walk(schema, [], true);
  return options;
}

/** `['session', 'idleMs']` is `POSTERN_SESSION_IDLE_MS`. */
function variableOf(path: readonly string[], prefix: string): string {
  return prefix + path.map((part) => part.replaceAll(/([a-z0-9])([A-Z])/g, '$1_$2').toUpperCase()).join('_');
}
