/** A JSON object as a target answered it; an empty one for anything else. Its members may be anything. */
export function parsedAs<T extends object>(text: string): Partial<T> {
  try {
    const value: unknown = JSON.parse(text);
    return value !== null && typeof value === 'object' && !Array.isArray(value) ? (value as Partial<T>) : {};
  } catch {
    return {};
  }
}
