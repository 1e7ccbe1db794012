/** `tasklist /fo csv /nh`: `"System","4","Services","0","144 K"`; names in lower case. Undefined without the System process. */
export function parseTasklist(output: string): ReadonlySet<string> | undefined {
  const names = new Set<string>();
  for (const line of output.split(/\r?\n/)) {
    const match = /^"([^"]+)","(\d+)",/.exec(line);
    if (match) names.add(match[1]!.toLowerCase());
  }
  // The name of process 4 is the same in every language.
  return names.has('system') ? names : undefined;
}
