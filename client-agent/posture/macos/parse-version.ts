/** `sw_vers -productVersion`: `15.6.1`. */
export interface MacVersion {
  readonly text: string;
  readonly major: number;
}

export function parseMacVersion(output: string): MacVersion | undefined {
  const match = /^(\d{2})(?:\.\d{1,3}){0,3}$/.exec(output.trim());
  return match ? { text: match[0], major: Number(match[1]) } : undefined;
}
