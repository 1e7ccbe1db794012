/** Output of `apt-get -s dist-upgrade` in the C locale. */
import type { WaitingUpdate } from '../update-age.ts';

// Inst openssl [3.0.15-1~deb12u1] (3.0.17-1~deb12u2 Debian-Security:12/oldstable-security [amd64])
const installLine = /^Inst (\S+) (?:\[[^\]]*\] )?\((\S+) ([^)]*?)(?: \[[^\]]*\])?\)/;
const summaryLine =
  /^(\d+) upgraded, (\d+) newly installed, (?:(\d+) downgraded, )?(\d+) to remove and \d+ not upgraded\.$/;
const securityOrigin = /(^|, )[^,]*(Debian-Security:|-security($|,|\s))/i;

/**
 * The security updates apt would install, or undefined unless the output is whole: the summary must be there and its
 * counts must equal the lines read, so a cut or translated output never looks like "none waits".
 */
export function parseAptUpgrade(output: string): WaitingUpdate[] | undefined {
  const lines = output.split('\n');
  const summary = lines.map((line) => summaryLine.exec(line.trim())).find((match) => match !== null);
  const installs = lines.filter((line) => line.startsWith('Inst '));
  if (summary === undefined || summary === null) return undefined;
  const announced = Number(summary[1]) + Number(summary[2]) + Number(summary[3] ?? 0);
  const parsed = installs.map((line) => installLine.exec(line));
  if (announced !== installs.length || parsed.includes(null)) return undefined;
  return parsed.flatMap((match) =>
    match !== null && securityOrigin.test(match[3]!) ? [{ name: `${match[1]} ${match[2]}` }] : [],
  );
}
