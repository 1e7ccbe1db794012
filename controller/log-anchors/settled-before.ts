/** Waits for work that never rejects, and no longer than the signal lets it: false when that came first. */
export async function settledBefore(work: Promise<unknown> | undefined, signal: AbortSignal): Promise<boolean> {
  if (work === undefined) return true;
  const { promise, resolve } = Promise.withResolvers<void>();
  signal.addEventListener('abort', () => resolve(), { once: true });
  await Promise.race([work, promise]);
  return !signal.aborted;
}
