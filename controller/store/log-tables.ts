/** The tables of the log's tree; part of `Tables`. */
export interface LogTables {
  /** One row, with the id 1. */
  log_state: {
    id: number;
    /** Counts logs of this installation: a restore may have to open another. */
    number: number;
    origin: string;
    size: number;
    /** Hex. */
    root: string;
    /** `RightEdge.toText()`. */
    edge: string;
    /** Every record up to this position has a leaf (or is to have none any more, once pruned). */
    position: number;
    /** The newest that was signed. */
    checkpoint: string | null;
    signed_size: number;
    /** Why nothing is put in order and signed (P35): restored | behind. Null in the usual state. */
    held: string | null;
  };
  log_leaves: {
    leaf_index: number;
    /** Of the record. */
    position: number;
    /** RFC 6962 hash of the leaf. It stays when the record is pruned. */
    hash: Uint8Array;
    /** The pruning that took its record; 0 for none. */
    pruned: number;
  };
  /** Records that were found to be unreadable, and when. */
  unreadable_records: { position: number; at: number };
  log_keys: {
    /** Hex key id of the note. */
    id: string;
    /** The log that it signs: the name of the key. */
    origin: string;
    /** Base64. */
    public_key: string;
    sealed: string;
    state: string; // current | former
    created_at: number;
  };
}
