/** The version of the wire and who still speaks it. Numbers are never reused. */

export const protocolVersion = 1;
/** Servers accept agents of the last 12 months and gateways one minor version behind. */
export const oldestAgentVersion = 1;
export const oldestGatewayVersion = 1;
