/** The last lines of the log, for `postern logs`: in memory, so that the device keeps no trail of where its person went. */
export interface RecentLogs {
  add(line: string): void;
  lines(): readonly string[];
}

export function keepRecentLogs(max = 500): RecentLogs {
  const lines: string[] = [];
  return {
    add(line) {
      lines.push(line.trimEnd());
      if (lines.length > max) lines.splice(0, lines.length - max);
    },
    lines: () => [...lines],
  };
}
