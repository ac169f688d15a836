// All releases.
import { useEffect, useMemo, useRef, useState } from './vendor/hooks.js';
import { Sign, html, sign, tone } from './parts.js';
import { count, percent, rate, success } from './format.js';
import { configured, isOld, now, releases, useStore } from './store.js';
import { language, t } from './texts.js';

const ROW = 64;
/** The rows above and below those in view. */
const MARGIN = 5;

/** How a release is, in a few words. The worst comes first. */
export function condition(release) {
  const numbers = now(release.id);
  if (release.unconfigured) return { kind: 'warn', text: t('unconfigured') };
  if (numbers.unreachable.length) return { kind: 'bad', text: t('state_unreachable', { versions: numbers.unreachable.join(', ') }) };
  if (numbers.guarded.length) return { kind: 'bad', text: t('state_guard', { versions: numbers.guarded.join(', ') }) };
  if (release.takeOver) return { kind: 'warn', text: t('state_take_over', { version: release.takeOver }) };
  if (release.ramp?.hold !== undefined && release.ramp?.hold !== null) return { kind: 'warn', text: t('state_held', { percent: percent(release.ramp.hold / 100) }) };
  if (release.ramp) return { kind: 'ok', text: t('state_ramp', { version: release.ramp.version, percent: percent(configured(release)[release.ramp.version]) }) };
  if (!Object.values(numbers.versions).some(one => one.rate > 0)) return { kind: 'plain', text: t('state_quiet') };
  return { kind: 'ok', text: t('state_fine') };
}

export function strategy(release) {
  const mirrors = release.mirrors.length ? ` · ${t('mirrored')}` : '';
  return t(release.strategy) + (release.ramp ? ' · ramp' : '') + mirrors;
}

/** The sums of a release. */
export function sums(release) {
  const versions = Object.values(now(release.id).versions);
  const all = versions.reduce((sum, one) => sum + one.rate, 0);
  const judged = versions.filter(one => one.success !== null && one.rate > 0);
  const weight = judged.reduce((sum, one) => sum + one.rate, 0);
  return { rate: all, success: weight > 0 ? judged.reduce((sum, one) => sum + one.success * one.rate, 0) / weight : null };
}

/** The observed shares as a bar. Without traffic it has the configured shares. */
export function Shares({ release, tall }) {
  const numbers = now(release.id).versions;
  const wanted = configured(release);
  const shares = release.versions.map(version => [version, numbers[version]?.share ?? (sums(release).rate > 0 ? 0 : wanted[version] ?? 0)]);
  const shown = shares.filter(([, share]) => share > 0);
  let sum = 0;
  const bounds = release.versions.map(version => { sum += wanted[version] ?? 0; return sum; }).filter(bound => bound > 0.001 && bound < 0.999);
  const said = shown.map(([version, share]) => `${sign(release, version)} ${version} ${percent(share)}`).join(', ');
  return html`<div class="bar ${tall ? 'tall' : ''}" role="img" aria-label=${said} title=${said}>
    ${shown.map(([version, share]) => html`<i class=${tone(release, version)} style=${{ flex: share }}>${tall && share > 0.05 && html`<${Sign} release=${release} version=${version} />`}</i>`)}
    ${tall && bounds.map(bound => html`<b class="want" style=${{ left: `${100 * bound}%` }}></b>`)}</div>`;
}

const searched = new WeakMap();
/** What the search looks at, once for each release. */
function content(release) {
  if (!searched.has(release)) searched.set(release, [release.id, release.strategy, release.document, ...release.hosts, ...release.versions].join(' ').toLowerCase());
  return searched.get(release);
}
let latest = { text: '', all: null, found: [] };
export function matching(text) {
  const all = releases();
  if (latest.text !== text || latest.all !== all) {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    latest = { text, all, found: all.filter(release => words.every(word => content(release).includes(word))) };
  }
  return latest.found;
}

export const address = release => `#/release/${encodeURIComponent(release.id)}`;

/** A release in the list. While somebody scrolls, a row that stays is not drawn again. */
function Row({ release, place, tick, language }) {
  return useMemo(() => {
    const all = sums(release);
    const state = condition(release);
    return html`<div class="item" role="listitem" style=${{ top: `${ROW * place}px` }}><a class="row" href=${address(release)}>
      <span><b>${release.id}</b><br/><small>${strategy(release)}</small></span>
      <span class="wide"><small>${release.hosts.join(', ')}</small></span>
      <span><${Shares} release=${release} tall=${true} /></span>
      <span class="n">${t('per_second', { rate: rate(all.rate) })}<br/><small>${t('requests')}</small></span>
      <span class="n">${success(all.success)}<br/><small>${t('success')}</small></span>
      <span class="wide"><span class="chip ${state.kind}">${state.text}</span></span>
    </a></div>`;
  }, [release, place, tick, language]);
}

/** The list, of which only the rows in view exist. */
export function Overview({ text, onText }) {
  const { state, tick } = useStore();
  const rows = useRef();
  const [view, setView] = useState({ first: 0, last: Math.ceil(innerHeight / ROW) + MARGIN });
  useEffect(() => {
    const look = () => {
      const top = Math.max(0, rows.current ? -rows.current.getBoundingClientRect().top : 0);
      const first = Math.max(0, Math.floor(top / ROW) - MARGIN);
      const last = Math.ceil((top + innerHeight) / ROW) + MARGIN;
      setView(before => (before.first === first && before.last === last ? before : { first, last }));
    };
    addEventListener('scroll', look, { passive: true });
    addEventListener('resize', look);
    look();
    return () => { removeEventListener('scroll', look); removeEventListener('resize', look); };
  }, []);
  const found = matching(text);
  const first = Math.min(view.first, Math.max(0, found.length - 1));
  return html`<div class="frame"><main id="content">
    <div class="head"><h1>${t('releases')}</h1><span class="chip plain">${count(found.length)}</span>
      <div class="actions"><input id="find" type="search" value=${text} placeholder=${t('find_hint')} aria-label=${t('find')} onInput=${event => onText(event.target.value)} /></div>
    </div>
    <div class="card">
      ${!state && html`<p class="empty">${t('loading')}</p>`}
      ${state && found.length === 0 && html`<p class="empty">${text ? t('none_found', { text }) : t('no_releases')}</p>`}
      <div class="rows ${isOld() ? 'old' : ''}" role="list" ref=${rows} style=${{ height: `${ROW * found.length}px` }}>
        ${found.slice(first, view.last).map((release, index) => html`<${Row} key=${release.id} release=${release} place=${first + index} tick=${tick} language=${language()} />`)}
      </div>
    </div>
    ${tick?.proxies?.length === 0 && html`<p class="empty">${t(state?.inCluster ? 'no_prometheus' : 'loading')}</p>`}
  </main></div>`;
}
