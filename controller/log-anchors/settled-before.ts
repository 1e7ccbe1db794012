/** Waits for work that never rejects, and no longer than the signal lets it: false when that came first. */
export async function settledBefore(work: Promise<unknown>, signal: AbortSignal): Promise<boolean> {
  if (signal.aborted) return false;
  const { promise, resolve } = Promise.withResolvers<void>();
  const end = () => resolve();
  signal.addEventListener('abort', end);
  await Promise.race([work, promise]);
  signal.removeEventListener('abort', end);
  return !signal.aborted;
}
