/** How far macOS checks what it starts. */

/** `system_profiler SPiBridgeDataType` (Apple silicon and T2). Reduced and Medium still start only what Apple signed. */
export function parseBootPolicy(output: string): 'signed' | 'open' | undefined {
  const policy = /^\s*Secure Boot: (.+)$/m.exec(output)?.[1]?.trim();
  if (policy === 'Full Security' || policy === 'Reduced Security' || policy === 'Medium Security') return 'signed';
  return policy === 'Permissive Security' || policy === 'No Security' ? 'open' : undefined;
}

/** `csrutil status`. A custom configuration is not enabled. */
export function parseCsrutil(output: string): boolean | undefined {
  const state = /^System Integrity Protection status: ([a-z]+)/.exec(output.trim());
  if (!state) return undefined;
  if (/Custom Configuration/i.test(output)) return false;
  return state[1] === 'enabled' ? true : state[1] === 'disabled' ? false : undefined;
}
