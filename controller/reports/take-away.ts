/** The policy that takes one right of one person and nothing else. `why` begins its name. */
export function takeAway(why: string, person: string, app: string): string {
  const [who, what] = [JSON.stringify(person), JSON.stringify(app)];
  return `@id("${why}-${person}-${app}") forbid(principal == Person::${who}, action, resource == App::${what});`;
}
