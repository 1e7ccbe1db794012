/** The admin API: devices, sessions, posture. */
import { Type } from 'typebox';
import * as shown from './admin-objects.ts';
import { byId, list } from './admin-shapes.ts';
import { oneOf, slug, strict, text } from './common.ts';
import { postureCheck } from './posture.ts';
import { defineContract } from './route.ts';

export const adminDevices = defineContract({
  devices: {
    method: 'GET',
    path: '/v1/admin/devices',
    summary: 'All devices',
    access: 'reader',
    query: strict({ person: Type.Optional(slug) }),
    answer: list(shown.deviceShown),
  },
  device: {
    method: 'GET',
    path: '/v1/admin/devices/:id',
    summary: 'One device with its posture',
    access: 'reader',
    params: byId,
    answer: shown.deviceShown,
  },
  approveDevice: {
    method: 'POST',
    path: '/v1/admin/devices/:id/approve',
    summary: 'Approve a pending device after comparing its fingerprint',
    access: 'admin',
    params: byId,
    body: strict({ fingerprint: text(100) }),
    answer: shown.deviceShown,
  },
  setDevice: {
    method: 'PUT',
    path: '/v1/admin/devices/:id',
    summary: 'Name or ownership of a device',
    access: 'admin',
    params: byId,
    body: strict({ name: Type.Optional(text(253)), ownership: Type.Optional(shown.ownership) }),
    answer: shown.deviceShown,
  },
  setDeviceState: {
    method: 'POST',
    path: '/v1/admin/devices/:id/state',
    summary: 'Suspend, lift or remove a device',
    access: 'admin',
    params: byId,
    body: strict({ state: oneOf(['active', 'suspended', 'gone']), because: Type.Optional(text(500)) }),
    answer: shown.cutReport,
  },
  inventory: {
    method: 'GET',
    path: '/v1/admin/inventory',
    summary: 'Serial numbers of company devices',
    access: 'reader',
    answer: strict({ serials: Type.Array(text(128)) }),
  },
  putInventory: {
    method: 'PUT',
    path: '/v1/admin/inventory',
    summary: 'Replace the list of serial numbers',
    access: 'admin',
    body: strict({ serials: Type.Array(text(128), { maxItems: 100_000 }) }),
    maxBody: 8 * 1024 * 1024,
  },
  sessions: {
    method: 'GET',
    path: '/v1/admin/sessions',
    summary: 'Live sessions',
    access: 'reader',
    answer: list(shown.sessionShown),
  },
  postureCoverage: {
    method: 'GET',
    path: '/v1/admin/posture/coverage',
    summary: 'How many devices pass, fail or are unknown, by fact',
    access: 'reader',
    answer: list(
      strict({
        fact: text(64),
        pass: Type.Integer(),
        fail: Type.Integer(),
        unknown: Type.Integer(),
        stale: Type.Integer(),
      }),
    ),
  },
  checks: {
    method: 'GET',
    path: '/v1/admin/posture/checks',
    summary: 'Admin-defined checks',
    access: 'reader',
    answer: list(postureCheck),
  },
});
