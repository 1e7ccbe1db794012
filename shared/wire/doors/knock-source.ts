/** What is knocked with at one door, for one of the servers behind it. */
export interface KnockSource {
  /** The first bytes of a connection: a fresh one for each. */
  prelude(): Promise<Buffer>;
  /** For a datagram. */
  datagram(): Promise<Buffer>;
  /** The door gave silence: the next knock must be above whatever it may have kept ahead. */
  silence(): void;
}
