/** Light, dark, or as the system has it: the button goes round the three. The choice holds for all pages of this place. */
import type { ThemeName } from '../../charts/palette.ts';

type Choice = ThemeName | 'system';
const NEXT: Readonly<Record<Choice, Choice>> = { system: 'light', light: 'dark', dark: 'system' };
const KEPT_AS = 'cowbench-theme';
const system = matchMedia('(prefers-color-scheme: dark)');

function choice(): Choice {
  const set = document.documentElement.dataset.theme;
  return set === 'light' || set === 'dark' ? set : 'system';
}

export function currentTheme(): ThemeName {
  const chosen = choice();
  return chosen === 'system' ? (system.matches ? 'dark' : 'light') : chosen;
}

/** A browser may refuse storage to a local file: the choice then holds until the page is left. */
function kept(): Choice {
  try {
    const value = localStorage.getItem(KEPT_AS);
    return value === 'light' || value === 'dark' ? value : 'system';
  } catch {
    return 'system';
  }
}

function keep(chosen: Choice): void {
  try {
    if (chosen === 'system') localStorage.removeItem(KEPT_AS);
    else localStorage.setItem(KEPT_AS, chosen);
  } catch {
    // Nothing is lost but the memory of it.
  }
}

function show(chosen: Choice, button: HTMLElement | null): void {
  if (chosen === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = chosen;
  if (button === null) return;
  button.textContent = `Theme: ${chosen}`;
  button.setAttribute('aria-label', `Colour theme: ${chosen === 'system' ? 'as the system' : chosen}`);
}

/** Calls `changed` whenever the theme that is seen changes. */
export function bindTheme(changed: (theme: ThemeName) => void): void {
  const button = document.getElementById('theme');
  show(kept(), button);
  button?.addEventListener('click', () => {
    const before = currentTheme();
    const next = NEXT[choice()];
    show(next, button);
    keep(next);
    if (currentTheme() !== before) changed(currentTheme());
  });
  system.addEventListener('change', () => {
    if (choice() === 'system') changed(currentTheme());
  });
}
