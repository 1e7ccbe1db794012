/** The app's own limits: announced body, rate, requests of one device at the same time. Counting is the caller's. */
import { type Gate, refuse } from './ask.ts';

export const limitsGate: Gate = ({ contentLength, usage, found }) => {
  const { app } = found;
  if (app === undefined) return refuse('app-mismatch');
  const { limits } = app;
  if (limits === undefined) return undefined;
  if (limits.maxBodyBytes && contentLength !== undefined && contentLength > limits.maxBodyBytes) {
    return refuse('body-too-large');
  }
  const { running, left, retryAfterMs } = usage(app);
  if (limits.concurrentPerDevice !== undefined && running >= limits.concurrentPerDevice) {
    return refuse('limit-reached', { tell: 'This device has too many requests of this app running.' });
  }
  if (limits.requestsPerSecond !== undefined && left < 1) return refuse('limit-reached', { extra: { retryAfterMs } });
  return undefined;
};
