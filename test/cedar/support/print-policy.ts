/** Cedar's JSON form as text, with every bracket and every digit of a Long: the official package rounds Longs in JSON. */
import type { Expr, PatternPart, PolicyJson, ScopeJson, UidJson, ValueJson } from '#shared/cedar/policy-json.ts';

export function printPolicy(policy: PolicyJson): string {
  const scope = [
    printScope('principal', policy.principal),
    printScope('action', policy.action),
    printScope('resource', policy.resource),
  ].join(', ');
  const conditions = policy.conditions.map(({ kind, body }) => ` ${kind} { ${printExpression(body)} }`);
  return `${policy.effect}(${scope})${conditions.join('')};`;
}

function printScope(name: string, part: ScopeJson): string {
  const target = (holder: object) =>
    'slot' in holder ? String(holder.slot) : printUid((holder as { entity: UidJson }).entity);
  if (part.op === 'All') return name;
  if (part.op === 'is') {
    const within = part.in === undefined ? '' : ` in ${target(part.in)}`;
    return `${name} is ${part.entity_type}${within}`;
  }
  if ('entities' in part) return `${name} in [${part.entities.map(printUid).join(', ')}]`;
  return `${name} ${part.op} ${target(part)}`;
}

const constructors = ['ip', 'decimal', 'datetime', 'duration'];

export function printExpression(expr: Expr): string {
  const [name, held] = Object.entries(expr)[0] as [string, never];
  const { left, right, arg } = (held ?? {}) as { left: Expr; right: Expr; arg: Expr };
  const inner = printExpression;
  switch (name) {
    case 'Value':
      return printValue(held);
    case 'Var':
      return held;
    case '!':
      return `!(${inner(arg)})`;
    case 'neg':
      return `(-(${inner(arg)}))`;
    case 'contains':
    case 'containsAll':
    case 'containsAny':
    case 'getTag':
    case 'hasTag':
      return `(${inner(left)}).${name}(${inner(right)})`;
    case 'isEmpty':
      return `(${inner(arg)}).isEmpty()`;
    case '.':
      return `(${inner(left)})${printMember((held as { attr: string }).attr)}`;
    case 'has': {
      const { attr } = held as { attr: string | string[] };
      return `((${inner(left)}) has ${typeof attr === 'string' ? quote(attr) : attr.join('.')})`;
    }
    case 'like':
      return `((${inner(left)}) like ${printPattern((held as { pattern: PatternPart[] }).pattern)})`;
    case 'is': {
      const { entity_type, in: group } = held as { entity_type: string; in?: Expr };
      return `((${inner(left)}) is ${entity_type}${group === undefined ? '' : ` in (${inner(group)})`})`;
    }
    case 'if-then-else': {
      const parts = held as { if: Expr; then: Expr; else: Expr };
      return `(if ${inner(parts.if)} then ${inner(parts.then)} else ${inner(parts.else)})`;
    }
    case 'Set':
      return `[${(held as Expr[]).map(inner).join(', ')}]`;
    case 'Record':
      return `{${Object.entries(held as Record<string, Expr>)
        .map(([key, member]) => `${quote(key)}: ${inner(member)}`)
        .join(', ')}}`;
    default:
      if (Array.isArray(held)) return printCall(name, held as Expr[]);
      return `((${inner(left)}) ${name} (${inner(right)}))`;
  }
}

function printCall(name: string, args: readonly Expr[]): string {
  const texts = args.map(printExpression);
  if (constructors.includes(name) || args.length === 0) return `${name}(${texts.join(', ')})`;
  return `(${texts[0]}).${name}(${texts.slice(1).join(', ')})`;
}

function printValue(value: ValueJson): string {
  if (typeof value === 'string') return quote(value);
  if (typeof value !== 'object' || value === null) return `${value}`;
  return printUid(value as unknown as UidJson);
}

function printUid(uid: UidJson): string {
  const { type, id } = '__entity' in uid ? uid.__entity : uid;
  return `${type}::${quote(id)}`;
}

const printMember = (name: string) => (/^[a-z]+$/.test(name) ? `.${name}` : `[${quote(name)}]`);

const escapeText = (text: string) =>
  Array.from(text, (char) =>
    /[ -~]/.test(char) && char !== '"' && char !== '\\' ? char : `\\u{${char.codePointAt(0)!.toString(16)}}`,
  ).join('');

const quote = (text: string) => `"${escapeText(text)}"`;

const printPattern = (parts: readonly PatternPart[]) =>
  `"${parts.map((part) => (part === 'Wildcard' ? '*' : escapeText(part.Literal).replaceAll('*', '\\*'))).join('')}"`;
