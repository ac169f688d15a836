// Parts that several pages use.
import { h } from './vendor/preact.js';
import { useEffect, useRef, useState } from './vendor/hooks.js';
import htm from './vendor/htm.js';
import { t } from './texts.js';
import { count } from './format.js';
import { change } from './store.js';

export const html = htm.bind(h);

const MARKS = ['●', '▲', '■', '◆', '▼', '★'];
/** The place of a version among the colours and marks. The principal is the first. */
const place = (release, version) => Math.max(0, release.versions.indexOf(version)) % MARKS.length;
export const tone = (release, version) => `c${place(release, version)}`;
export const sign = (release, version) => MARKS[place(release, version)];
export const DASHES = [[], [8, 4], [2, 3], [10, 3, 2, 3], [14, 4], [4, 6]];
export const dash = (release, version) => DASHES[place(release, version)];

const SHAPES = [
  'M6 1a5 5 0 1 0 0 10A5 5 0 1 0 6 1z', 'M6 1l5.5 10h-11z', 'M1.5 1.5h9v9h-9z', 'M6 .5L11.5 6 6 11.5.5 6z', 'M.5 1h11L6 11z',
  'M6 .3l1.7 3.8 4.1.4-3.1 2.8.9 4.1L6 9.3l-3.6 2.1.9-4.1L.2 4.5l4.1-.4z',
];

export const Sign = ({ release, version }) => html`
  <svg class="sign" viewBox="0 0 12 12" aria-hidden="true"><path d=${SHAPES[place(release, version)]} /></svg>`;

export const Mark = ({ release, version }) => html`
  <span class="mark ${tone(release, version)}"><${Sign} release=${release} version=${version} />${version}</span>`;

/** The changed lines of a unified diff. */
export function Diff({ text }) {
  if (!text) return html`<p class="old">${t('nothing_changes')}</p>`;
  const lines = text.replace(/\n$/, '').split('\n');
  return html`<pre class="diff" tabindex="0" aria-label=${t('changes')}><code>${lines.map(line => {
    if (line.startsWith('+')) return html`<ins>${line}</ins>`;
    if (line.startsWith('-')) return html`<del>${line}</del>`;
    return html`<span>${line || ' '}</span>`;
  })}</code></pre>`;
}

/** Who moves, before anything is applied. */
export function Moves({ moves }) {
  if (!moves) return null;
  const key = moves.sessions ? 'moves_some' : 'moves_drawn';
  const lines = moves.moves.map(one => t(key, { count: count(one.sessions), of: count(moves.of), from: one.from, to: one.to }));
  const ways = new Set(moves.moves.map(one => `${one.from}\n${one.to}`));
  const isOneWay = !moves.moves.some(one => ways.has(`${one.to}\n${one.from}`));
  return html`<div class="moves" data-moves>
    ${lines.length ? lines.map(line => html`<div>${line}</div>`) : t('moves_none')}
    ${lines.length > 0 && moves.sessions && isOneWay && html`<div>${t('moves_back')}</div>`}
  </div>`;
}

export const Findings = ({ findings }) => html`
  <ul class="findings">${findings.map(one => html`<li>${one.path && html`<code>${one.path}</code>${': '}`}${one.message}</li>`)}</ul>`;

/** A dialog that shows what a change does, and applies it. */
export function Confirm({ title, document, release, wanted, onEnd }) {
  const dialog = useRef();
  const [prepared, setPrepared] = useState(null);
  const [error, setError] = useState(null);
  const [busy, setBusy] = useState(false);
  useEffect(() => {
    dialog.current.showModal();
    change('preview', document, release, wanted).then(setPrepared, failed => setError(failed.message));
  }, []);
  const apply = async () => {
    setBusy(true);
    try {
      await change('apply', document, release, wanted);
      dialog.current.close('applied');
    } catch (failed) { setError(failed.message); setBusy(false); }
  };
  const canApply = prepared && !busy && prepared.diff && prepared.findings.length === 0;
  return html`<dialog ref=${dialog} aria-labelledby="confirm" onClose=${event => onEnd(event.target.returnValue === 'applied')}>
    <h2 id="confirm">${title}</h2>
    <div aria-live="polite">
    ${error && html`<p class="notice bad" role="alert">${t('failed', { error })}</p>`}
    ${!prepared && !error && html`<p>${t('loading')}</p>`}
    ${prepared && html`
      ${prepared.findings.length > 0 && html`<p class="notice bad">${t('has_findings')}</p><${Findings} findings=${prepared.findings} />`}
      <${Moves} moves=${prepared.moves} />
      ${prepared.notes.map(note => html`<p class="notice warn">${t('notes')}: ${note}</p>`)}
      <${Diff} text=${prepared.diff} />`}
    </div>
    <div class="buttons">
      <button type="button" onClick=${() => dialog.current.close()}>${t('cancel')}</button>
      <button type="button" class="first" data-apply disabled=${!canApply} onClick=${apply}>${t('apply')}</button>
    </div>
  </dialog>`;
}
