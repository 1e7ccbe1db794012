/** Values of `HKLM:\SOFTWARE\Microsoft\Windows NT\CurrentVersion`. */
import { asCount, asFields } from './powershell.ts';

export interface WindowsVersion {
  /** `10.0.26100.2314` */
  readonly text: string;
  /** 10 or 11; a server's year. */
  readonly major: number;
  readonly build: number;
  readonly edition: string;
  readonly server: boolean;
}

const serverYears: Readonly<Record<number, number>> = { 14393: 2016, 17763: 2019, 20348: 2022, 26100: 2025 };

export function parseWindowsVersion(value: unknown): WindowsVersion | undefined {
  const fields = asFields(value);
  const main = asCount(fields?.['CurrentMajorVersionNumber']);
  const minor = asCount(fields?.['CurrentMinorVersionNumber']);
  const build = asCount(fields?.['CurrentBuildNumber']);
  const revision = asCount(fields?.['UBR']);
  const { EditionID: edition, InstallationType: type } = fields ?? {};
  if (main !== 10 || minor === undefined || build === undefined || revision === undefined) return undefined;
  if (typeof edition !== 'string' || typeof type !== 'string') return undefined;
  const server = type.startsWith('Server');
  const major = server ? serverYears[build] : build >= 22_000 ? 11 : 10;
  if (major === undefined) return undefined;
  return { text: `${main}.${minor}.${build}.${revision}`, major, build, edition, server };
}
