import type { PolicyJson } from '@cedar-policy/cedar-wasm/nodejs';

/** `@allow("no-id, reads-query")`. */
export const allowedLints = ({ annotations }: PolicyJson): string[] =>
  (annotations?.['allow'] ?? '').split(/[\s,]+/).filter((name) => name !== '');
