/** Output of `iptables-save -t filter`: whether INPUT ends in a refusal. Undefined unless the table is there as a whole. */
export function parseIptablesSave(output: string): boolean | undefined {
  const lines = output.split('\n').map((line) => line.trim());
  const start = lines.indexOf('*filter');
  const end = start === -1 ? -1 : lines.indexOf('COMMIT', start);
  if (end === -1) return undefined;
  const table = lines.slice(start + 1, end);
  const policy = table.map((line) => /^:INPUT (ACCEPT|DROP) \[/.exec(line)?.[1]).find((found) => found !== undefined);
  if (policy === undefined) return undefined;
  // In order, as the kernel reads them; only rules without any match decide for everybody.
  for (const line of table) {
    const match = /^-A INPUT (?:-m comment --comment (?:"[^"]*"|\S+) )?-j (ACCEPT|DROP|REJECT)\b/.exec(line);
    if (match) return match[1] !== 'ACCEPT';
  }
  return policy === 'DROP';
}
