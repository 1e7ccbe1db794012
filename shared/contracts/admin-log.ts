/** The admin API: the access log as a whole. `admin-search.ts` reads it. */
import { Type } from 'typebox';
import { misdatedShown, prunedShown, recordFilter } from './admin-search.ts';
import { byId } from './admin-shapes.ts';
import { slug, strict } from './common.ts';
import { accessRecord } from './record.ts';
import { defineContract } from './route.ts';

const position = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });

export const adminLog = defineContract({
  exportRecords: {
    method: 'GET',
    path: '/v1/admin/records/export',
    summary: 'Records in the order of writing, a page at a time, up to what the log had at the first page',
    access: 'reader',
    query: strict({
      ...recordFilter,
      /** Only for the record of the reading. */
      format: Type.Optional(slug),
      /** Behind this position: the `next` of the page before. */
      after: Type.Optional(position),
      /** Up to this position: the `through` of the first page. */
      through: Type.Optional(position),
    }),
    answer: strict({
      records: Type.Array(strict({ position, record: accessRecord })),
      through: position,
      /** Absent when nothing is left. A page may be empty and have one. */
      next: Type.Optional(position),
      /** On the last page. */
      pruned: Type.Optional(prunedShown),
      misdated: Type.Optional(misdatedShown),
    }),
  },
  facts: {
    method: 'GET',
    path: '/v1/admin/facts/:id',
    summary: 'A snapshot of facts (P32)',
    access: 'reader',
    params: byId,
    answer: strict({ facts: Type.Unknown() }),
  },
});
