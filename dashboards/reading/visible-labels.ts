/**
 * Labels come from files, commit messages and snapshot names: untrusted. Markup is made harmless where text becomes HTML;
 * here characters that would not be seen, or would reorder what is seen, become visible escapes such as `\u202e`.
 */

// Controls (C0, DEL, C1), soft hyphen, zero-width and direction marks, line and paragraph separators, BOM.
const INVISIBLE = /[\p{Cc}\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|\p{Cs}/gu;

/** `label` with every invisible or reordering character written out. */
export function visibleLabel(label: string): string {
  return label.replace(INVISIBLE, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** A deep copy of a record (or any JSON value) with every string and every key made visible. */
export function withVisibleLabels<Json>(json: Json): Json {
  return visible(json) as Json;
}

function visible(json: unknown): unknown {
  if (typeof json === 'string') return visibleLabel(json);
  if (Array.isArray(json)) return json.map(visible);
  if (json === null || typeof json !== 'object') return json;
  return Object.fromEntries(Object.entries(json).map(([key, value]) => [visibleLabel(key), visible(value)]));
}
