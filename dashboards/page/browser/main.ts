/** The page's script: draws every chart, then answers to controls, saves, sorting and the theme switch. */
import { ChartGallery } from './chart-gallery.ts';
import { bindControls } from './controls.ts';
import { bindCopies } from './copies.ts';
import { bindEmbed } from './embed.ts';
import { bindFilters } from './filters.ts';
import { pageCharts } from './page-data.ts';
import { bindSaves } from './saves.ts';
import { bindExplanations, bindTables, labelCards } from './tables.ts';
import { bindTheme, currentTheme } from './theme-switch.ts';
import { ViewState } from './view-state.ts';

/** The section that the URL names: its own name in the fragment is followed by what was chosen, which no browser looks up. */
function showSection({ section }: ViewState): void {
  const target = section === '' ? null : document.getElementById(section);
  target?.scrollIntoView({ behavior: 'instant' });
}

async function start(): Promise<void> {
  bindEmbed();
  const state = new ViewState();
  const gallery = new ChartGallery();
  bindTheme((theme) => void gallery.drawAll(theme));
  bindCopies();
  bindExplanations(document.body);
  gallery.take(await pageCharts());
  bindControls(gallery, state);
  bindSaves(gallery);
  const filterAgain = bindFilters(gallery, state);
  bindTables(state, filterAgain);
  labelCards();
  let resizing: ReturnType<typeof setTimeout> | undefined;
  addEventListener('resize', () => {
    clearTimeout(resizing);
    resizing = setTimeout(() => gallery.fitAll(), 120);
  });
  // Paper is light.
  addEventListener('beforeprint', () => void gallery.drawAllNow('light'));
  addEventListener('afterprint', () => void gallery.drawAll(currentTheme()));
  // Charts get their height only as they are drawn: a link to one of the questions is followed again after that.
  showSection(state);
  await gallery.drawAll(currentTheme());
  showSection(state);
}

void start();
