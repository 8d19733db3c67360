const link = /<([^<>]*)>((?:\s*;\s*[a-z*]+\s*=\s*(?:"[^"]*"|[^\s",;]*))*)/gi;
const nextRelation = /;\s*rel\s*=\s*(?:"(?:[^"]*\s)?next(?:\s[^"]*)?"|next(?![^\s",;]))/i;

/**
 * The query of the link to the next page (https://www.rfc-editor.org/rfc/rfc8288), which may be
 * relative, or absolute with an address that only the registry knows: nothing but the query counts.
 */
export function findNextQuery(
  header: string | string[] | undefined,
  base: URL,
): string | undefined {
  const text = [header ?? []].flat().join(", ");
  for (const [, target = "", parameters = ""] of text.matchAll(link)) {
    if (!nextRelation.test(parameters)) continue;
    const query = URL.parse(target, base.href)?.search.slice(1);
    return query === "" ? undefined : query;
  }
  return undefined;
}
