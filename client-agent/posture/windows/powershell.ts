/** One constant script per question, run by Windows PowerShell, answered in JSON. Nothing is ever put into a script. */
import type { Host } from '../host.ts';

/** Values of enums come as numbers and property names do not change with the language of the system. */
export interface Script {
  readonly name: string;
  readonly text: string;
}

export type Answer = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly detail: string };

const preamble =
  "$ErrorActionPreference='Stop';$ProgressPreference='SilentlyContinue';[Console]::OutputEncoding=[Text.Encoding]::UTF8;";

export async function ask(host: Host, script: Script): Promise<Answer> {
  const args = ['-NoProfile', '-NonInteractive', '-Command', `${preamble}${script.text}`];
  const run = await host.exec('powershell', args, 12_000);
  if (!run.ran) return { ok: false, detail: `PowerShell gave no answer about ${script.name}` };
  if (run.code !== 0) return { ok: false, detail: `PowerShell could not tell ${script.name}` };
  const value = parseAnswer(run.stdout);
  return value === undefined
    ? { ok: false, detail: `the answer about ${script.name} is not understood` }
    : { ok: true, value };
}

/** JSON, with the byte order mark that older versions write. */
export function parseAnswer(stdout: string): unknown {
  try {
    return JSON.parse(stdout.replace(/^\uFEFF/, ''));
  } catch {
    return undefined;
  }
}

export type Fields = Readonly<Record<string, unknown>>;

export function asFields(value: unknown): Fields | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : undefined;
}

/** ConvertTo-Json writes a list of one as that one: scripts wrap their lists in a field, and this takes both. */
export function asList(value: unknown): Fields[] | undefined {
  const list = Array.isArray(value) ? value : value === null || value === undefined ? [] : [value];
  const fields = list.map(asFields);
  return fields.includes(undefined) ? undefined : (fields as Fields[]);
}

export function asCount(value: unknown): number | undefined {
  const count = typeof value === 'string' && /^\d{1,9}$/.test(value) ? Number(value) : value;
  return typeof count === 'number' && Number.isInteger(count) && count >= 0 ? count : undefined;
}
