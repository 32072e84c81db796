/** Beyond it, clients refuse the answer: undici and Node take 16 KiB of headers in all, most proxies 8 KiB. */
const LINK_BYTES = 4096;

/**
 * The `Link` header of a page (RFC 8288 §3): `first`, and `next` and `prev` where they exist.
 * @param path the list's path, percent-encoded, `/api/v1/users`
 * @param query the parameters of the request, decoded; its own `cursor` is replaced
 * @returns null where the header would exceed 4 KiB (a long filter, three times): the body has the same cursors
 */
export function pageLinks(
  path: string,
  query: Readonly<Record<string, string>>,
  cursors: { readonly next: string | null; readonly prev: string | null },
): string | null {
  const link = (rel: string, cursor: string | null) => `<${target(path, query, cursor)}>; rel="${rel}"`;
  const links = [link('first', null)];
  if (cursors.prev !== null) links.unshift(link('prev', cursors.prev));
  if (cursors.next !== null) links.unshift(link('next', cursors.next));
  const header = links.join(', ');
  return header.length > LINK_BYTES ? null : header;
}

/** URLSearchParams leaves only letters, digits and `*-._+&=%`: nothing that could end the target or the header. */
function target(path: string, query: Readonly<Record<string, string>>, cursor: string | null): string {
  const parameters = new URLSearchParams(query);
  parameters.delete('cursor');
  if (cursor !== null) parameters.set('cursor', cursor);
  return parameters.size > 0 ? `${path}?${parameters.toString()}` : path;
}
