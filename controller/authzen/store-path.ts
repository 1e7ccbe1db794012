/** Where a decision point stands below the address of the services listener. */

/** The empty text for our own schema. */
export const storePath = (store: string): string => (store === '' ? '' : `/stores/${store}`);

/** What a token must carry to ask it. */
export const scopeOf = (store: string): string => (store === '' ? 'authzen' : `authzen:${store}`);
