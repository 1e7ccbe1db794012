/** `socketfilterfw --getglobalstate`: `Firewall is enabled. (State = 1)`; 2 blocks everything that is not essential. */
export function parseAlf(output: string): boolean | undefined {
  const state = /^Firewall is [a-z -]{2,80}\. \(State = ([012])\)$/.exec(output.trim())?.[1];
  return state === undefined ? undefined : state !== '0';
}
