/** `?embed=SECTION` shows one section alone, for a frame in another page. */

/** Id of the section that is shown alone; null when the whole page is, also where no section has that id. */
function embeddedSection(): string | null {
  const id = new URLSearchParams(location.search).get('embed');
  return id !== null && document.querySelector(`section[id="${CSS.escape(id)}"]`) !== null ? id : null;
}

/** Hides what is around the section; must come before charts are drawn, so that only its own are. */
export function bindEmbed(): void {
  const id = embeddedSection();
  if (id === null) return;
  document.documentElement.dataset.embed = id;
  for (const other of document.querySelectorAll<HTMLElement>('body > :not(main, script), main > *'))
    other.hidden =
      other.id !== id && other.id !== 'chart-tooltip' && other.querySelector(`#${CSS.escape(id)}`) === null;
}
