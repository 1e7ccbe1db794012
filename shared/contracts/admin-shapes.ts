/** Small shapes that the admin contracts share. */
import { Type } from 'typebox';
import { strict, text } from './common.ts';

export const list = <const S extends Parameters<typeof Type.Array>[0]>(items: S) =>
  strict({ items: Type.Array(items) });
export const byId = strict({ id: text(64) });
export const because = strict({ because: Type.Optional(text(500)) });
