// Who changed what, and when.
import { useState } from './vendor/hooks.js';
import { Confirm, Diff, html } from './parts.js';
import { moment } from './format.js';
import { store, useStore } from './store.js';
import { t } from './texts.js';

const said = entry => {
  const document = store.state?.documents.find(one => one.id === entry.document)?.name ?? entry.document.replace('cluster://', '');
  return t(`event_${entry.kind}`, { ...entry, document, release: entry.release || document });
};

/** The entries. `ask` asks whether a change is wanted; without it nothing can be put back. */
export function Events({ entries, ask }) {
  if (entries.length === 0) return html`<p class="empty">${t('no_history')}</p>`;
  return entries.map(entry => html`<div class="event" key=${entry.number} data-entry=${entry.number}>
    <time dateTime=${new Date(1000 * entry.time).toISOString()}>${moment(entry.time)}</time>
    <div><small>#${entry.number}</small> ${said(entry)} ${entry.who && html`<small>${t('by', entry)}</small>`}${entry.diff && html`<details><summary>${t('changes')}</summary><${Diff} text=${entry.diff} /></details>`}</div>
    ${ask && entry.canBePutBack && html`<button class="small" onClick=${() =>
      ask(t('do_put_back', { time: moment(entry.time) }), { kind: 'putBack', entry: entry.number }, entry.document)}>${t('put_back')}</button>`}
  </div>`);
}

export function History() {
  const { state } = useStore();
  const [wanted, setWanted] = useState(null);
  const ask = (title, change, document) => setWanted({ title, change, document });
  return html`<div class="frame"><main id="content"><div class="head"><h1>${t('history')}</h1></div>
    <div class="card"><${Events} entries=${store.history} ask=${state && !state.viewOnly ? ask : null} /></div></main>
    ${wanted && html`<${Confirm} title=${wanted.title} document=${wanted.document} release="" wanted=${wanted.change} onEnd=${() => setWanted(null)} />`}
  </div>`;
}
