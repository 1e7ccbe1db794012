/** What Windows knows of protections against malware. */
import { asFields, asList } from './powershell.ts';

/**
 * AntiVirusProduct of root/SecurityCenter2: `productState` holds on (1) in bits 12 to 15 and "signatures out of date" in
 * bits 4 to 7 (not documented by Microsoft; stable since Windows Vista). One good product is enough.
 */
export function parseSecurityCenter(value: unknown): { on: boolean; product: string } | undefined {
  const answer = asFields(value);
  const products = answer !== undefined && 'products' in answer ? asList(answer['products']) : undefined;
  if (products === undefined) return undefined;
  for (const { displayName, productState } of products) {
    if (typeof productState !== 'number' || !Number.isInteger(productState) || productState < 0) return undefined;
    const running = ((productState >> 12) & 0xf) === 1;
    const current = ((productState >> 4) & 0xf) === 0;
    if (running && current) return { on: true, product: typeof displayName === 'string' ? displayName : '' };
  }
  return { on: false, product: '' };
}

/** `Get-MpComputerStatus`, for servers, which have no security centre. */
export function parseDefender(value: unknown): boolean | undefined {
  const status = asFields(value);
  const { RealTimeProtectionEnabled: realTime, AntivirusSignatureAge: age } = status ?? {};
  if (typeof realTime !== 'boolean' || typeof age !== 'number') return undefined;
  return realTime && age <= 7;
}
