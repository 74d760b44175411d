/** The search of the site of documents: all of its text is in the page, so that it works without a server. */
import MiniSearch from 'minisearch';

interface Found {
  readonly id: number;
  readonly page: string;
  readonly heading: string;
  readonly href: string;
  readonly text: string;
}

const MOST = 30;
const EXCERPT = 160;

const sections = JSON.parse(document.getElementById('sections')!.textContent!) as Found[];
const words = document.getElementById('words') as HTMLInputElement;
const count = document.getElementById('count')!;
const list = document.getElementById('found')!;

const search = new MiniSearch<Found>({
  fields: ['page', 'heading', 'text'],
  searchOptions: { boost: { page: 3, heading: 4 }, prefix: true, combineWith: 'AND' },
});
search.addAll(sections);

function excerpt(text: string): string {
  const first = words.value.trim().split(/\s+/)[0]!.toLowerCase();
  const start = Math.max(text.toLowerCase().indexOf(first) - EXCERPT / 4, 0);
  return `${start > 0 ? '…' : ''}${text.slice(start, start + EXCERPT)}${text.length > start + EXCERPT ? '…' : ''}`;
}

function show(): void {
  const found = search.search(words.value).map(({ id }) => sections[id as number]!);
  const items = found.slice(0, MOST).map(({ page, heading, href, text }) => {
    const item = document.createElement('li');
    const link = document.createElement('a');
    link.href = href;
    link.textContent = heading === '' || heading === page ? page : `${page}: ${heading}`;
    item.append(link, document.createElement('br'), excerpt(text));
    return item;
  });
  list.replaceChildren(...items);
  const more = found.length > MOST ? `, the first ${MOST} of them here` : '';
  count.textContent = words.value.trim() === '' ? '' : `${found.length} places${more}`;
}

// The words are in the address, so that a search can be linked and comes back with the page.
words.value = decodeURIComponent(location.hash.slice(1));
words.addEventListener('input', () => {
  history.replaceState(null, '', `#${encodeURIComponent(words.value)}`);
  show();
});
show();
