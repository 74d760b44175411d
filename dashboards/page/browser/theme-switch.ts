/** Light, dark, or as the system has it: the button goes round the three. Kept for the visit only. */
import type { ThemeName } from '../../charts/palette.ts';

type Choice = ThemeName | 'system';
const NEXT: Readonly<Record<Choice, Choice>> = { system: 'light', light: 'dark', dark: 'system' };
const system = matchMedia('(prefers-color-scheme: dark)');

function choice(): Choice {
  const set = document.documentElement.dataset.theme;
  return set === 'light' || set === 'dark' ? set : 'system';
}

export function currentTheme(): ThemeName {
  const chosen = choice();
  return chosen === 'system' ? (system.matches ? 'dark' : 'light') : chosen;
}

/** Calls `changed` whenever the theme that is seen changes. */
export function bindTheme(changed: (theme: ThemeName) => void): void {
  const button = document.getElementById('theme');
  button?.addEventListener('click', () => {
    const before = currentTheme();
    const next = NEXT[choice()];
    if (next === 'system') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = next;
    button.textContent = `Theme: ${next}`;
    button.setAttribute('aria-label', `Colour theme: ${next === 'system' ? 'as the system' : next}`);
    if (currentTheme() !== before) changed(currentTheme());
  });
  system.addEventListener('change', () => {
    if (choice() === 'system') changed(currentTheme());
  });
}
