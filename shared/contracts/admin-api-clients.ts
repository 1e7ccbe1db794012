/** The admin API: programs that may ask the services listener, each by a token of its own. */
import { Type } from 'typebox';
import { list } from './admin-shapes.ts';
import { slug, strict, text, time } from './common.ts';
import { defineContract } from './route.ts';

/** `authzen`: our own schema. `authzen:<store>`: that policy store. Nothing else is meant by either. */
export const apiScope = Type.String({
  pattern: '^authzen(:[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?)?$',
  maxLength: 80,
});

export const apiClientLimits = { scopes: 20, days: 3650, overlapHours: 720 } as const;

const apiClient = strict({
  name: slug,
  scopes: Type.Array(text(80)),
  createdAt: time,
  createdBy: text(100),
  endsAt: time,
  lastUsedAt: Type.Optional(time),
  /** Until when the former token is good too, after a rotation. */
  formerEndsAt: Type.Optional(time),
});

/** The one moment at which a token can be read. */
const tokenGiven = strict({ name: slug, token: text(128), endsAt: time });

const days = Type.Integer({ minimum: 1, maximum: apiClientLimits.days });
const byName = strict({ name: slug });

export const adminApiClients = defineContract({
  apiClients: {
    method: 'GET',
    path: '/v1/admin/api-clients',
    summary: 'API clients, without their tokens',
    access: 'reader',
    answer: list(apiClient),
  },
  addApiClient: {
    method: 'POST',
    path: '/v1/admin/api-clients',
    summary: 'Add an API client; its token is told once',
    access: 'admin',
    body: strict({
      name: slug,
      scopes: Type.Array(apiScope, { minItems: 1, maxItems: apiClientLimits.scopes }),
      days: Type.Optional(days),
    }),
    answer: tokenGiven,
  },
  rotateApiClient: {
    method: 'POST',
    path: '/v1/admin/api-clients/:name/rotate',
    summary: 'Give an API client another token; the former one ends at once, or after an overlap',
    access: 'admin',
    params: byName,
    body: strict({
      days: Type.Optional(days),
      overlapHours: Type.Optional(Type.Integer({ minimum: 0, maximum: apiClientLimits.overlapHours })),
    }),
    answer: tokenGiven,
  },
  removeApiClient: {
    method: 'DELETE',
    path: '/v1/admin/api-clients/:name',
    summary: 'Remove an API client; its token is good for nothing from then on',
    access: 'admin',
    params: byName,
  },
});
