/** The admin API: people, groups, invitations. */
import { Type } from 'typebox';
import * as shown from './admin-objects.ts';
import { because, byId, list } from './admin-shapes.ts';
import { madeId, oneOf, shortText, slug, strict, text, time } from './common.ts';
import { defineContract } from './route.ts';

export const erasureShown = strict({
  id: madeId,
  /** Hex SHA-256 of a salt that only the store knows and the person's id. */
  digest: text(64),
  done: Type.Boolean(),
  /** Positions of the log that were looked through, and how many there are. */
  looked: Type.Integer(),
  total: Type.Integer(),
  /** Records that personal fields were taken out of, and snapshots of facts that went. */
  records: Type.Integer(),
  snapshots: Type.Integer(),
  /** With the end of it: records of the log that cannot be read. Those whose row names the person were emptied; of the rest nobody can tell. */
  unreadable: Type.Optional(Type.Integer()),
  beganAt: time,
  endedAt: Type.Optional(time),
});

export const adminPeople = defineContract({
  people: {
    method: 'GET',
    path: '/v1/admin/people',
    summary: 'All people',
    access: 'reader',
    answer: list(shown.personShown),
  },
  person: {
    method: 'GET',
    path: '/v1/admin/people/:id',
    summary: 'One person',
    access: 'reader',
    params: byId,
    answer: shown.personShown,
  },
  putPerson: {
    method: 'PUT',
    path: '/v1/admin/people/:id',
    summary: 'Add or change a person',
    access: 'admin',
    params: strict({ id: slug }),
    body: strict({
      name: Type.Optional(shortText),
      email: Type.Optional(text(254)),
      role: Type.Optional(shown.role),
      groups: Type.Optional(Type.Array(slug)),
      risk: Type.Optional(Type.Integer({ minimum: 0, maximum: 100 })),
    }),
    answer: shown.personShown,
  },
  setPersonState: {
    method: 'POST',
    path: '/v1/admin/people/:id/state',
    summary: 'Suspend, lift or remove a person',
    access: 'admin',
    params: byId,
    body: strict({ state: shown.personState, because: Type.Optional(text(500)) }),
    answer: shown.cutReport,
  },
  erasePerson: {
    method: 'POST',
    path: '/v1/admin/people/:id/erase',
    summary: 'Erase who is gone out of log and store, a step at a time: repeated until it says that it is done',
    access: 'admin',
    params: byId,
    answer: erasureShown,
  },
  erasures: {
    method: 'GET',
    path: '/v1/admin/erasures',
    summary: 'People who were erased, by a digest; with `person` whether one of them was this id',
    access: 'reader',
    query: strict({ person: Type.Optional(slug) }),
    answer: list(erasureShown),
  },
  resetFactors: {
    method: 'POST',
    path: '/v1/admin/people/:id/reset-factors',
    summary: 'Void all factors; the next sign-in on an enrolled device sets new ones with this one-time code',
    access: 'admin',
    params: byId,
    body: because,
    answer: strict({ code: text(200), expiresInMs: Type.Integer() }),
  },
  groups: {
    method: 'GET',
    path: '/v1/admin/groups',
    summary: 'All groups',
    access: 'reader',
    answer: list(shown.groupShown),
  },
  putGroup: {
    method: 'PUT',
    path: '/v1/admin/groups/:id',
    summary: 'Add or change a group',
    access: 'admin',
    params: strict({ id: slug }),
    body: strict({
      name: Type.Optional(shortText),
      members: Type.Optional(Type.Array(slug)),
      parents: Type.Optional(Type.Array(slug)),
    }),
    answer: shown.groupShown,
  },
  removeGroup: {
    method: 'DELETE',
    path: '/v1/admin/groups/:id',
    summary: 'Remove a group that no policy names',
    access: 'admin',
    params: byId,
  },
  invitations: {
    method: 'GET',
    path: '/v1/admin/invitations',
    summary: 'Invitations',
    access: 'reader',
    answer: list(shown.invitationShown),
  },
  invite: {
    method: 'POST',
    path: '/v1/admin/invitations',
    summary: 'Invite a person to enrol one device',
    access: 'admin',
    body: strict({
      person: slug,
      approval: Type.Optional(oneOf(['none', 'code', 'inventory'])),
      hours: Type.Optional(Type.Integer({ minimum: 1, maximum: 720 })),
      ownership: Type.Optional(shown.ownership),
    }),
    answer: strict({ id: madeId, invitation: text(2048), endsAt: time }),
  },
  voidInvitation: {
    method: 'DELETE',
    path: '/v1/admin/invitations/:id',
    summary: 'Void an invitation',
    access: 'admin',
    params: byId,
  },
});
