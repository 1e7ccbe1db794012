/** Output of `dnf -C -q updateinfo list --security`, of dnf 4 and dnf 5. */
import type { WaitingUpdate } from '../update-age.ts';

// dnf 4: RHSA-2024:8117 Important/Sec.  java-17-openjdk-1:17.0.13.0.11-3.el9.x86_64
const dnf4Line = /^(\S+)\s+(?:\S+\/)?Sec\.\s+(\S+)$/;
// dnf 5: FEDORA-2025-0a1b2c3d4e security Important curl-8.11.1-4.fc42.x86_64 2025-05-02 01:32:11
const dnf5Line = /^(\S+)\s+security\s+\S+\s+(\S+)\s+(\d{4}-\d{2}-\d{2}) \d{2}:\d{2}:\d{2}$/;
const dnf5Head = /^Name\s+Type\s+Severity\s+Package\s+Issued$/;

/** Undefined if any line is not understood: part of a list is not a list. Nothing at all means that none waits. */
export function parseDnfUpdates(output: string): WaitingUpdate[] | undefined {
  const updates: WaitingUpdate[] = [];
  for (const raw of output.split('\n')) {
    const line = raw.trim();
    if (line === '' || dnf5Head.test(line)) continue;
    const four = dnf4Line.exec(line);
    const five = dnf5Line.exec(line);
    const issued = five ? Date.parse(`${five[3]}T00:00:00Z`) : Number.NaN;
    if (four) updates.push({ name: `${four[1]} ${four[2]}` });
    else if (five && Number.isFinite(issued)) updates.push({ name: `${five[1]} ${five[2]}`, issued });
    else return undefined;
  }
  return updates;
}
