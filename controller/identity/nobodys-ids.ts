/**
 * Ids that records and lists give to nobody in particular: the owner at the shell, the controller itself, and whoever was erased (P34). A person of
 * such an id would pass for them, and would be given what an erased reviewer left.
 */
const nobodys: ReadonlySet<string> = new Set(['shell', 'controller', 'erased']);

export const isNobodys = (id: string): boolean => nobodys.has(id);
