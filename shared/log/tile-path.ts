/** Names of tiles (C2SP tlog-tiles): `tile/<L>/<N>[.p/<W>]` and `tile/entries/<N>[.p/<W>]`, N in groups of three digits. */

/** Hashes in a full tile. */
export const tileWidth = 256;
/** 256^8 is past every whole number that we count with. */
const highestLevel = 6;

export interface Tile {
  /** The height of the tile: a hash of it stands for 256^level entries. */
  readonly level: number;
  readonly index: number;
  /** 1 to 256; less than 256 for a partial tile. */
  readonly width: number;
}

/** Of entries, which have the shape of tiles of level 0. */
export type EntryBundle = Omit<Tile, 'level'>;

export function tilePath({ level, index, width }: Tile): string {
  return `tile/${level}/${numberPath(index)}${widthPath(width)}`;
}

export function entriesPath({ index, width }: EntryBundle): string {
  return `tile/entries/${numberPath(index)}${widthPath(width)}`;
}

const form = /^tile\/(0|[1-9]\d?|entries)\/((?:x\d{3}\/){0,5}\d{3})(?:\.p\/([1-9]\d{0,2}))?$/;

/** Only the one spelling of each tile is taken. Undefined for anything else. */
export function parseTilePath(path: string): Tile | ({ readonly level: 'entries' } & EntryBundle) | undefined {
  const [, levelText, numberText, widthText] = form.exec(path) ?? [];
  if (levelText === undefined || numberText === undefined) return undefined;
  const index = Number(numberText.replaceAll(/[x/]/g, ''));
  const width = widthText === undefined ? tileWidth : Number(widthText);
  if (!Number.isSafeInteger(index) || numberPath(index) !== numberText) return undefined;
  if (widthText !== undefined && width >= tileWidth) return undefined;
  if (levelText === 'entries') return { level: 'entries', index, width };
  const level = Number(levelText);
  return level > highestLevel ? undefined : { level, index, width };
}

function numberPath(index: number): string {
  const digits = String(index);
  const groups = digits.padStart(Math.ceil(digits.length / 3) * 3, '0').match(/\d{3}/g) ?? [];
  return groups.map((group, at) => (at === groups.length - 1 ? group : `x${group}`)).join('/');
}

const widthPath = (width: number): string => (width === tileWidth ? '' : `.p/${width}`);
