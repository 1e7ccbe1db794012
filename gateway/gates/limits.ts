/** The app's own limits: announced body, rate, requests of one device at the same time. Counting is the caller's. */
import { type Gate, refuse } from './ask.ts';

/** Where the app says nothing: more than an agent ever has, and few enough that one device cannot take all connections. */
const mostPerDevice = 2048;

export const limitsGate: Gate = ({ contentLength, usage, found }) => {
  const { app } = found;
  if (app === undefined) return refuse('app-mismatch');
  const { limits = {} } = app;
  if (limits.maxBodyBytes && contentLength !== undefined && contentLength > limits.maxBodyBytes) {
    return refuse('body-too-large');
  }
  const { running, left, retryAfterMs } = usage(app);
  if (running >= (limits.concurrentPerDevice ?? mostPerDevice)) {
    return refuse('limit-reached', { tell: 'This device has too many requests of this app running.' });
  }
  if (limits.requestsPerSecond !== undefined && left < 1) return refuse('limit-reached', { extra: { retryAfterMs } });
  return undefined;
};
