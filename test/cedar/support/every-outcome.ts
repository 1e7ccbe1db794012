/** Every operator and every way in which it can end, which generated cases have to reach. */
const withTypeError = [
  ...['&&', '||', '!', 'if-then-else', '<', '<=', '>', '>=', 'in', 'is', 'has', 'like', 'hasTag'],
  ...['contains', 'containsAll', 'containsAny', 'isEmpty'],
  ...['lessThan', 'lessThanOrEqual', 'greaterThan', 'greaterThanOrEqual'],
  ...['isIpv4', 'isIpv6', 'isLoopback', 'isMulticast', 'isInRange', 'durationSince', 'toDate', 'toTime', 'offset'],
  ...['toMilliseconds', 'toSeconds', 'toMinutes', 'toHours', 'toDays'],
  ...['ip', 'decimal', 'datetime', 'duration', '+', '-', '*', 'neg', '.', 'getTag'],
];

export const everyOutcome: readonly string[] = [
  ...['Value', 'Var', 'Set', 'Record', '==', '!='].map((operator) => `${operator} ok`),
  ...withTypeError.flatMap((operator) => [`${operator} ok`, `${operator} type`]),
  ...['+', '-', '*', 'neg'].map((operator) => `${operator} overflow`),
  ...['. attribute', '. entity', 'getTag tag', 'getTag entity'],
  ...['ip', 'decimal', 'datetime', 'duration', 'offset', 'durationSince', 'toDate'].map((name) => `${name} extension`),
  ...['ip', 'isIpv4', 'isInRange', 'offset'].map((name) => `${name} arguments`),
];
