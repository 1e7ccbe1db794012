/** os-release(5): shell-like `NAME=value` lines. Nothing is expanded. */
export interface OsRelease {
  readonly id: string;
  readonly idLike: readonly string[];
  readonly versionId: string;
  /** `YYYY-MM-DD`, where the maker says it. */
  readonly supportEnd?: string;
}

export function parseOsRelease(text: string): OsRelease | undefined {
  const fields = new Map<string, string>();
  for (const line of text.split('\n')) {
    const match = /^([A-Z][A-Z0-9_]*)=(.*)$/.exec(line.trim());
    if (match) fields.set(match[1]!, unquote(match[2]!));
  }
  const id = fields.get('ID') ?? '';
  const versionId = fields.get('VERSION_ID') ?? '';
  // The two fields are restricted to these characters by the manual page.
  if (!/^[a-z0-9._-]{1,32}$/.test(id) || !/^[a-zA-Z0-9._-]{0,32}$/.test(versionId)) return undefined;
  const idLike = (fields.get('ID_LIKE') ?? '').split(/\s+/).filter((name) => name !== '');
  const end = fields.get('SUPPORT_END') ?? '';
  const told = /^\d{4}-\d{2}-\d{2}$/.test(end) && !Number.isNaN(Date.parse(end)) ? { supportEnd: end } : {};
  return { id, idLike, versionId, ...told };
}

function unquote(value: string): string {
  const match = /^(["'])(.*)\1$/.exec(value);
  return match ? match[2]!.replace(/\\(["'$`\\])/g, '$1') : value;
}
