/** How large the head of a message may be, in bytes. */

/** From a client to the agent, and from an app to the gateway. */
export const maxHeadBytes = 32 * 1024;

/** Between agent and gateway: what one end took must pass at the other, with the grant (1.5 KB) and what else is added. */
export const maxCarriedHeadBytes = maxHeadBytes + 4 * 1024;
