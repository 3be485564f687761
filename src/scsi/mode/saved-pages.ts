import type { ModePage } from "./mode-page.ts";

/** A mode page as it is kept: page code, subpage code, length of the body, body. */
export interface SavedPage {
  readonly page: number;
  readonly subpage: number;
  readonly body: Uint8Array;
}

/** First byte of what is kept; another layout gets another number. */
const LAYOUT = 1;
const HEADER = 3;

export function writeSavedPages(
  pages: readonly (readonly [Pick<ModePage, "page" | "subpage">, Uint8Array])[],
): Uint8Array {
  return Uint8Array.from([
    LAYOUT,
    ...pages.flatMap(([{ page, subpage }, body]) => [page, subpage, body.length, ...body]),
  ]);
}

/** The pages of what was kept; undefined when it is damaged, or of another layout. */
export function readSavedPages(bytes: Uint8Array): readonly SavedPage[] | undefined {
  if (bytes[0] !== LAYOUT) return undefined;
  const pages: SavedPage[] = [];
  for (let at = 1; at < bytes.length; ) {
    const [page, subpage, length] = bytes.subarray(at, at + HEADER);
    const end = at + HEADER + (length ?? 0);
    if (page === undefined || subpage === undefined || length === undefined || end > bytes.length) return undefined;
    pages.push({ page, subpage, body: bytes.slice(at + HEADER, end) });
    at = end;
  }
  return pages;
}
