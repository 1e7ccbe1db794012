/** The tables of streams to SIEMs, as Kysely sees them; part of `Tables`. */
import type { Generated } from 'kysely';

export interface LogStreamRow {
  name: string;
  kind: string; // syslog | otlp | splunk | elasticsearch | file
  format: string;
  /** JSON, without secrets. */
  settings: string;
  /** JSON of the secrets. */
  sealed: string;
  state: string; // running | paused
  /** While it is paused: the position of the record that says so, the last one it delivers. */
  until: number | null;
  /** Everything up to here has arrived, or was put aside. */
  position: number;
  delivered: number;
  delivered_at: number | null;
  set_aside: number;
  set_aside_at: number | null;
  created_by: string;
  created_at: number;
  lease_by: string;
  lease_until: number;
}

export interface LogStreamTables {
  log_streams: LogStreamRow;
  /** What targets refused for good. */
  log_stream_asides: {
    n: Generated<number>;
    stream: string;
    /** Positions: of the one record, or of those among which `count` were refused. */
    first: number;
    last: number;
    /** JSON: ids of the first and the last, or of the one. */
    ids: string;
    count: number;
    why: string;
    at: number;
  };
}
