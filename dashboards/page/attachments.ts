/** Files next to the record that explain it, and where the engine's own CPU time went. */
import type { RunRecord } from '../../results/record.ts';
import { formatDuration, formatShare } from '../reading/quantities.ts';
import { type Html, html } from './html.ts';

/** Parts of less than this are left out. */
const LEAST_SHARE = 0.01;

function profileTable(record: RunRecord): Html[] {
  return record.cells.flatMap(({ id, profile }) => {
    if (profile === undefined) return [];
    const rows = profile.filter(({ share }) => share >= LEAST_SHARE);
    return html`<div class="scroll" tabindex="0" role="region" aria-label="CPU time of ${id} by part">
<table><caption>CPU time of ${id} by part, from one more replay under the profiler</caption>
<thead><tr><th scope="col">Part</th><th scope="col" class="num">CPU time</th><th scope="col" class="num">Share</th></tr></thead>
<tbody>${rows.map(
      ({ part, selfNs, share }) =>
        html`<tr><th scope="row">${part}</th><td class="num">${formatDuration(selfNs)}</td><td class="num">${formatShare(share)}</td></tr>\n`,
    )}</tbody></table></div>`;
  });
}

/** Links are to files next to the report: a name with a folder in it would lead elsewhere and is shown as text. */
function attachmentLink({ title, file }: NonNullable<RunRecord['attachments']>[number]): Html {
  if (/[/\\]/.test(file)) return html`<li>${title} (${file})</li>`;
  return html`<li><a href="./${encodeURIComponent(file)}">${title}</a></li>`;
}

/** Nothing when the run was not profiled. */
export function profilesSection(record: RunRecord): Html {
  const { attachments = [] } = record;
  const tables = profileTable(record);
  if (attachments.length === 0 && tables.length === 0) return html``;
  return html`<section id="profiles" aria-labelledby="profiles-title">
<h2 id="profiles-title">Profiles</h2>
${tables}
${attachments.length > 0 ? html`<ul>${attachments.map(attachmentLink)}</ul>` : null}
</section>`;
}
