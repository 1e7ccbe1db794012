/** Who may act on whom (P5): nobody resets, invites for, or changes the role of an equal or higher role. */
import type { Role } from '#shared/contracts/admin-objects.ts';

const rank: Readonly<Record<Role, number>> = { employee: 0, admin: 1, auditor: 2, owner: 3 };

/**
 * `shell` is the owner with a shell on the controller's host, who must always get back in (P6). An auditor ranks above an
 * admin but changes nothing; that is for the route's own access rule.
 */
export function mayManage(actor: Role | 'shell', subject: Role): boolean {
  return actor === 'shell' || rank[actor] > rank[subject];
}
