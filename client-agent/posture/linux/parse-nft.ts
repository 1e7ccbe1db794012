/**
 * Output of `nft -j list ruleset` (libnftables-json(5)): whether what arrives is refused unless a rule lets it in.
 * A filter counts only if its end is a refusal: the policy of an input base chain, or a drop or reject that applies to all
 * new connections. Rules against single addresses (fail2ban) are no firewall.
 */
export interface NftCover {
  readonly ipv4: boolean;
  readonly ipv6: boolean;
}

type Json = Readonly<Record<string, unknown>>;
const isJson = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);

/** Undefined for anything that is not a whole ruleset. */
export function parseNftRuleset(text: string): NftCover | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return undefined;
  }
  const items = isJson(parsed) ? parsed['nftables'] : undefined;
  // nft always begins with its own version.
  if (!Array.isArray(items) || !items.every(isJson) || !isJson(items[0]?.['metainfo'])) return undefined;
  const chains = items.flatMap((item) => (isJson(item['chain']) ? [item['chain']] : []));
  const rules = items.flatMap((item) => (isJson(item['rule']) ? [item['rule']] : []));
  const closed = chains.filter((chain) => isInputHook(chain) && !isDormant(items, chain) && refuses(chain, rules));
  const families = new Set(closed.map((chain) => chain['family']));
  return { ipv4: families.has('inet') || families.has('ip'), ipv6: families.has('inet') || families.has('ip6') };
}

function isInputHook(chain: Json): boolean {
  return chain['hook'] === 'input' && chain['type'] === 'filter';
}

function isDormant(items: readonly Json[], chain: Json): boolean {
  return items.some(({ table }) => {
    if (!isJson(table) || table['family'] !== chain['family'] || table['name'] !== chain['table']) return false;
    const flags = table['flags'];
    // nft 1.0.6 writes the table's name in place of its flags: whatever is not known to be harmless counts as dormant.
    const list: readonly unknown[] = Array.isArray(flags) ? flags : flags === undefined ? [] : [flags];
    return list.some((flag) => flag !== 'owner' && flag !== 'persist');
  });
}

function refuses(base: Json, rules: readonly Json[]): boolean {
  const ended = endOf(base, base['name'], rules, 0);
  if (ended !== undefined) return ended === 'refuse';
  return base['policy'] === 'drop';
}

/** What becomes of a new connection that no narrower rule speaks of; undefined: it runs off the end of the chain. */
function endOf(base: Json, chain: unknown, rules: readonly Json[], depth: number): 'refuse' | 'accept' | undefined {
  if (depth > 8) return undefined;
  const mine = rules.filter(
    (rule) => rule['chain'] === chain && rule['table'] === base['table'] && rule['family'] === base['family'],
  );
  for (const rule of mine) {
    const expressions = rule['expr'];
    if (!Array.isArray(expressions) || !expressions.every(isJson)) continue;
    if (!expressions.every((expression) => isVerdict(expression) || matchesAll(expression))) continue;
    for (const expression of expressions) {
      if ('drop' in expression || 'reject' in expression) return 'refuse';
      if ('accept' in expression) return 'accept';
      const target = expression['jump'] ?? expression['goto'];
      if (isJson(target)) {
        const below = endOf(base, target['target'], rules, depth + 1);
        if (below !== undefined) return below;
        if ('goto' in expression) return undefined;
      }
      if ('return' in expression) return undefined;
    }
  }
  return undefined;
}

function isVerdict(expression: Json): boolean {
  return ['drop', 'reject', 'accept', 'jump', 'goto', 'return'].some((verdict) => verdict in expression);
}

/** Statements that let every new connection from outside through to the verdict behind them. */
function matchesAll(expression: Json): boolean {
  if (['counter', 'log', 'comment'].some((kind) => kind in expression)) return true;
  const match = expression['match'];
  if (!isJson(match)) return false;
  const left = match['left'];
  if (!isJson(left)) return false;
  const meta = isJson(left['meta']) ? left['meta']['key'] : undefined;
  if ((meta === 'iifname' || meta === 'iif') && match['op'] === '!=' && match['right'] === 'lo') return true;
  const ct = isJson(left['ct']) ? left['ct']['key'] : undefined;
  const right = isJson(match['right']) ? match['right']['set'] : match['right'];
  const states: readonly unknown[] = Array.isArray(right) ? right : [right];
  return ct === 'state' && (match['op'] === 'in' || match['op'] === '==') && states.includes('new');
}
