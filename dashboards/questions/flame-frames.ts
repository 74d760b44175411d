/** Pieces that flame graphs share: one row a depth, pale frames, and names in those that are wide enough. */

export const FRAME_DEPTH = { field: 'depth', type: 'ordinal', sort: 'descending', title: null, axis: null } as const;

/** Pale, so that a text on it is read in both themes. */
export const FRAME_FILL = 0.35;

/** Of rows with their width in pixels as `widthPx`: narrower frames have no name. */
export const WIDE_ENOUGH = { filter: 'datum.widthPx > 28' } as const;

export const FRAME_NAME = {
  type: 'text',
  clip: true,
  align: 'left',
  dx: 4,
  fontSize: 11,
  limit: { expr: 'datum.widthPx - 8' },
  tooltip: null,
} as const;

/** Where a function is: its file, or, for what has none, what it is a part of. */
export function placeOf({ place, part }: { readonly place: string; readonly part: string }): string {
  return place === '' ? part : place;
}
