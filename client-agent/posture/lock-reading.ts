/** Seconds from the last touch to the moment the screen asks for a password, or `never`. */
export type LockDelay = number | 'never';

export type LockReading =
  | { readonly known: true; readonly delay: LockDelay; readonly by: string }
  | { readonly known: false; readonly detail: string };
