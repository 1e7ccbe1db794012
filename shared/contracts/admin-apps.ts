/** The admin API: apps, sites, gateways. */
import { Type } from 'typebox';
import * as shown from './admin-objects.ts';
import { because, byId, list } from './admin-shapes.ts';
import { app } from './app.ts';
import { appChecked } from './app-check.ts';
import { address, appId, shortText, slug, strict, text, time } from './common.ts';
import { defineContract } from './route.ts';

export const adminApps = defineContract({
  apps: { method: 'GET', path: '/v1/admin/apps', summary: 'All apps', access: 'reader', answer: list(app) },
  putApp: {
    method: 'PUT',
    path: '/v1/admin/apps/:id',
    summary: 'Add or change an app',
    access: 'admin',
    params: strict({ id: appId }),
    body: app,
    answer: app,
  },
  removeApp: {
    method: 'DELETE',
    path: '/v1/admin/apps/:id',
    summary: 'Remove an app and cut what runs',
    access: 'admin',
    params: byId,
    answer: shown.cutReport,
  },
  checkApp: {
    method: 'POST',
    path: '/v1/admin/apps/:id/check',
    summary: 'Let the gateways of its site try the way to an app',
    access: 'admin',
    params: strict({ id: appId }),
    answer: appChecked,
  },
  appGrantRate: {
    method: 'GET',
    path: '/v1/admin/apps/:id/grant-rate',
    summary: 'How many grants an app would need, at most, if each served one request',
    access: 'reader',
    params: strict({ id: appId }),
    /** Accesses a second in the busiest hour of the last 7 days; absent without any on record. */
    answer: strict({ perSecond: Type.Optional(Type.Number({ minimum: 0 })) }),
  },
  sites: {
    method: 'GET',
    path: '/v1/admin/sites',
    summary: 'All sites',
    access: 'reader',
    answer: list(shown.siteShown),
  },
  putSite: {
    method: 'PUT',
    path: '/v1/admin/sites/:id',
    summary: 'Add or rename a site',
    access: 'admin',
    params: strict({ id: slug }),
    body: strict({ name: shortText }),
    answer: shown.siteShown,
  },
  gateways: {
    method: 'GET',
    path: '/v1/admin/gateways',
    summary: 'All gateways',
    access: 'reader',
    answer: list(shown.gatewayShown),
  },
  inviteGateway: {
    method: 'POST',
    path: '/v1/admin/gateways',
    summary: 'Invite a gateway to join a site',
    access: 'admin',
    body: strict({ id: slug, site: slug, address, hours: Type.Optional(Type.Integer({ minimum: 1, maximum: 720 })) }),
    answer: strict({ invitation: text(2048), endsAt: time }),
  },
  removeGateway: {
    method: 'DELETE',
    path: '/v1/admin/gateways/:id',
    summary: 'Revoke a gateway',
    access: 'admin',
    params: byId,
    query: because,
  },
});
