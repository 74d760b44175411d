/** The page's script: draws every chart, then answers to controls, saves, sorting and the theme switch. */

import type { ChartBundle } from '../../charts/chart-bundle.ts';
import { ChartGallery } from './chart-gallery.ts';
import { bindControls } from './controls.ts';
import { bindFilters } from './filters.ts';
import { bindSaves } from './saves.ts';
import { bindExplanations, bindSorting } from './tables.ts';
import { bindTheme, currentTheme } from './theme-switch.ts';

const bundles = JSON.parse(document.getElementById('charts')?.textContent ?? '[]') as ChartBundle[];
const gallery = new ChartGallery(bundles);

bindSorting(document);
bindExplanations(document.body);
bindTheme((theme) => void gallery.drawAll(theme));
bindControls(gallery);
bindSaves(gallery);
bindFilters(gallery);

/** Where the browser gives no clipboard to a local file, the command is selected for copying by hand. */
async function copy(button: HTMLButtonElement): Promise<void> {
  try {
    await navigator.clipboard.writeText(button.dataset.copy ?? '');
    button.textContent = 'Copied';
  } catch {
    const command = button.previousElementSibling;
    if (command !== null) getSelection()?.selectAllChildren(command);
    button.textContent = 'Selected';
  }
}

for (const button of document.querySelectorAll<HTMLButtonElement>('button[data-copy]')) {
  button.addEventListener('click', () => void copy(button));
}

let resizing: ReturnType<typeof setTimeout> | undefined;
addEventListener('resize', () => {
  clearTimeout(resizing);
  resizing = setTimeout(() => gallery.fitAll(), 120);
});

// Paper is light.
addEventListener('beforeprint', () => void gallery.drawAllNow('light'));
addEventListener('afterprint', () => void gallery.drawAll(currentTheme()));

// Charts get their height only as they are drawn: a link to one of the questions is followed again after that.
void gallery
  .drawAll(currentTheme())
  .then(() => document.querySelector(':target')?.scrollIntoView({ behavior: 'instant' }));
