/** The head of every page: skip link, name, theme switch. */
import { type Html, html } from './html.ts';

export function pageTop(): Html {
  return html`<a class="skip" href="#main">Skip to the answer</a>
<header class="top"><p class="brand">cowbench <span>what a copy-on-write image costs</span></p>
<button type="button" class="tool" id="theme" aria-label="Colour theme: as the system">Theme: system</button></header>`;
}
