/** A value as an expression that evaluates to it, the same for equal values. */
import { Datetime, Duration } from './ext-datetime.ts';
import { Decimal } from './ext-decimal.ts';
import { IpAddr } from './ext-ipaddr.ts';
import type { Expr } from './policy-json.ts';
import { CedarRecord, CedarSet, EntityUid, keyOf, type Value } from './values.ts';

export function toExpr(value: Value): Expr {
  if (typeof value !== 'object') return { Value: value };
  if (value instanceof EntityUid) return { Value: { __entity: { type: value.type, id: value.id } } };
  if (value instanceof CedarSet) {
    const items = [...value].map((item) => [keyOf(item), item] as const).sort(([a], [b]) => (a < b ? -1 : 1));
    return { Set: items.map(([, item]) => toExpr(item)) };
  }
  if (value instanceof CedarRecord) {
    const names = [...value.members.keys()].sort();
    return { Record: Object.fromEntries(names.map((name) => [name, toExpr(value.members.get(name)!)])) };
  }
  if (value instanceof IpAddr) return { ip: [{ Value: printIpAddr(value) }] };
  if (value instanceof Decimal) return { decimal: [{ Value: printDecimal(value) }] };
  if (value instanceof Duration) return { duration: [{ Value: `${value.ms}ms` }] };
  // Not every moment has a year of four digits.
  if (value instanceof Datetime)
    return { offset: [{ datetime: [{ Value: '1970-01-01' }] }, { duration: [{ Value: `${value.ms}ms` }] }] };
  throw new Error(`a value of type ${value.typeName} has no expression`);
}

function printDecimal({ units }: Decimal): string {
  const digits = String(units < 0n ? -units : units).padStart(5, '0');
  return `${units < 0n ? '-' : ''}${digits.slice(0, -4)}.${digits.slice(-4)}`;
}

/** As `parseIpAddr` reads it; IPv6 in eight groups. */
export function printIpAddr({ bits, address, prefix }: IpAddr): string {
  const width = bits === 32 ? 8n : 16n;
  const parts = Array.from({ length: bits === 32 ? 4 : 8 }, (_, at, count = bits === 32 ? 4 : 8) =>
    ((address >> (width * BigInt(count - 1 - at))) & ((1n << width) - 1n)).toString(bits === 32 ? 10 : 16),
  );
  return `${parts.join(bits === 32 ? '.' : ':')}${prefix === bits ? '' : `/${prefix}`}`;
}
