// One release: what flows, how it has gone, what to do, why, what differs, what happened.
import { useEffect, useRef, useState } from './vendor/hooks.js';
import { Confirm, Diff, Findings, Mark, Moves, html, sign, tone } from './parts.js';
import { Chart } from './chart.js';
import { Events } from './history.js';
import { address, condition, matching, Shares, strategy, sums } from './overview.js';
import { count, milliseconds, percent, rate, success } from './format.js';
import { change, configured, get, isOld, now, post, releases, store, useStore } from './store.js';
import { t } from './texts.js';

const MOST_LISTED = 60;

export function ReleasePage({ name, text, onText }) {
  const { state } = useStore();
  const [wanted, setWanted] = useState(null);
  const [applied, setApplied] = useState(false);
  const release = releases().find(one => one.id === name);
  const ask = (title, change, document) => { setApplied(false); setWanted({ title, change, document: document ?? release.document }); };
  const end = done => { setWanted(null); setApplied(done); };
  const listed = matching(text).slice(0, MOST_LISTED);
  const canChange = state && !state.viewOnly && release && !release.unconfigured && release.canChange;
  return html`<div class="frame two">
    <nav class="list" aria-label=${t('releases')}>
      <input id="find" type="search" value=${text} placeholder=${t('find_hint')} aria-label=${t('find')} onInput=${event => onText(event.target.value)} />
      <div class="links">${listed.map(one => {
        const all = sums(one);
        return html`<a key=${one.id} href=${address(one)} aria-current=${one.id === name ? 'page' : undefined}>
          <div class="between"><b>${one.id}</b><small>${strategy(one)}</small></div>
          <${Shares} release=${one} />
          <div class="between"><small>${t('per_second', { rate: rate(all.rate) })}</small><small>${success(all.success)}</small></div>
        </a>`;
      })}</div>
    </nav>
    <main id="content">
      ${!release && html`<p class="empty">${state ? t('none_found', { text: name }) : t('loading')}</p>`}
      ${release && html`
        <${Head} release=${release} ask=${ask} canChange=${canChange} />
        ${state && !state.viewOnly && !release.unconfigured && !release.canChange && html`<p class="notice warn">${t('may_only_see')}</p>`}
        <div aria-live="polite">${applied && html`<p class="notice ok">${t('applied')}</p>`}</div>
        <div class="grid">
          <${Traffic} release=${release} />
          <${Charts} key=${name} release=${release} />
          <${Drive} key=${`drive ${name}`} release=${release} ask=${ask} canChange=${canChange} onApplied=${() => setApplied(true)} />
          <${Why} release=${release} />
          <${Compare} key=${`compare ${name}`} release=${release} ask=${ask} canChange=${canChange} />
          <${Try} key=${`try ${name}`} release=${release} />
          <${Configuration} key=${`text ${release.document}`} release=${release} ask=${ask} canChange=${canChange} />
          <section class="card s12"><header><h2>${t('history_of')}</h2></header>
            <${Events} entries=${store.history.filter(entry => entry.release === name || (entry.document === release.document && !entry.release))} ask=${canChange ? ask : null} />
          </section>
        </div>`}
    </main>
    ${wanted && html`<${Confirm} title=${wanted.title} document=${wanted.document} release=${release?.name ?? ''} wanted=${wanted.change} onEnd=${end} />`}
  </div>`;
}

const UNITS = { ms: 0.001, s: 1, m: 60, h: 3600, d: 86400 };
/** The seconds of a duration such as `1h30m`. */
const seconds = text => [...String(text).matchAll(/([\d.]+)(ms|s|m|h|d)/g)].reduce((sum, [, number, unit]) => sum + Number(number) * UNITS[unit], 0);

/** How long a ramp still takes, in words. Null: there is no ramp, or it does not move. */
function remaining(release) {
  const last = release.ramp?.points?.at?.(-1);
  if (!last || isHeld(release)) return null;
  const end = Date.parse(release.ramp.start) / 1000 + seconds(last.after);
  const left = Math.round((end - (store.tick?.time ?? Date.now() / 1000)) / 60);
  if (!(left > 0)) return null;
  const [days, hours, minutes] = [Math.floor(left / 1440), Math.floor(left / 60) % 24, left % 60];
  const time = days ? t('days_hours', { days, hours }) : hours ? t('hours_minutes', { hours, minutes }) : t('minutes', { minutes });
  return t('ramp_left', { time, percent: percent(last.percentage / 100) });
}

const isHeld = release => release.ramp?.hold !== undefined && release.ramp.hold !== null;

function Head({ release, ask, canChange }) {
  const state = condition(release);
  const others = release.versions.filter(version => version !== release.principal);
  const [chosen, setChosen] = useState(others[0]);
  const version = others.includes(chosen) ? chosen : others[0];
  const isCanary = release.strategy === 'canary';
  const inactive = release.versions.find(one => one !== release.active);
  const left = remaining(release);
  return html`<div class="head">
    <h1>${release.id}</h1><span class="chip ${state.kind}">${state.text}</span>${left && html`<span class="chip plain" data-left>${left}</span>`}<small>${strategy(release)}</small>
    ${canChange && html`<div class="actions">
      ${isCanary && others.length > 1 && html`<select aria-label=${t('version')} value=${version} onChange=${event => setChosen(event.target.value)}>
        ${others.map(one => html`<option value=${one}>${sign(release, one)} ${one}</option>`)}</select>`}
      ${isCanary && release.takeOver && html`<button onClick=${() => ask(t('do_restore'), { kind: 'restore' })}>${t('restore')}</button>`}
      ${isCanary && !release.takeOver && version && html`<button onClick=${() => ask(t('do_take_over', { version }), { kind: 'takeOver', version })}>${t('take_over')}</button>`}
      ${release.ramp && (isHeld(release) ? html`<button onClick=${() => ask(t('do_resume'), { kind: 'resume' })}>${t('resume')}</button>`
        : html`<button onClick=${() => ask(t('do_pause'), { kind: 'pause' })}>${t('pause')}</button>`)}
      ${isCanary && version && html`<button onClick=${() => ask(t('do_promote', { version }), { kind: 'promote', version })}>${t('promote')}</button>`}
      ${release.strategy === 'blueGreen' && inactive && html`<button class="first" onClick=${() => ask(t('do_switch', { version: inactive }), { kind: 'switch', version: inactive })}>${t('switch_to', { version: inactive })}</button>`}
      ${release.strategy !== 'none' && html`<button class="danger" data-rollback onClick=${() => ask(t('do_rollback', { release: release.id }), { kind: 'rollback' })}>${t('rollback')}</button>`}
    </div>`}
  </div>`;
}

function Traffic({ release }) {
  const numbers = now(release.id);
  const wanted = configured(release);
  const width = share => ({ width: `${100 * (share ?? 0)}%` });
  return html`<section class="card s12"><header><h2>${t('traffic')}</h2><small>${t('traffic_hint')}</small></header>
    ${release.versions.map(version => {
      const one = numbers.versions[version] ?? {};
      const want = wanted[version] ?? 0;
      return html`<div key=${version} class="lane ${tone(release, version)} ${isOld() ? 'old' : ''}" data-version=${version}>
        <${Mark} release=${release} version=${version} />
        <div class="track"><div class="fill" style=${width(one.share)}></div><div class="want" style=${{ left: `${100 * want}%` }}></div></div>
        <div class="numbers">
          <div><span data-share=${one.share ?? ''}>${percent(one.share)}</span><small>${t('of', { percent: percent(want) })}</small></div>
          <div>${t('per_second', { rate: rate(one.rate ?? 0) })}<small>${t('requests')}</small></div>
          <div>${success(one.success)}<small>${t('success')}</small></div>
          <div>${(one.p50 ?? null) === null ? '–' : `${milliseconds(one.p50)} · ${milliseconds(one.p99)} ms`}<small>${t('latency')}</small></div>
        </div>
      </div>`;
    })}
  </section>`;
}

const SPANS = { '5m': 300, '1h': 3600, '6h': 21600 };
const scheme = matchMedia('(prefers-color-scheme: dark)');

function Charts({ release }) {
  const [span, setSpan] = useState('5m');
  const [points, setPoints] = useState({});
  const [dark, setDark] = useState(scheme.matches);
  const time = store.tick?.time ?? Math.round(Date.now() / 1000);
  useEffect(() => {
    const look = () => setDark(scheme.matches);
    scheme.addEventListener('change', look);
    return () => scheme.removeEventListener('change', look);
  }, []);
  // A coarse chart has a point each quarter of a minute.
  const due = span === '5m' ? time : Math.floor(time / 15);
  useEffect(() => {
    let wanted = true;
    get(`/api/series?release=${encodeURIComponent(release.id)}&span=${span}`).then(all => wanted && setPoints(all), () => {});
    return () => { wanted = false; };
  }, [release.id, span, due]);
  const signs = { changed: '✎', outside: '✎', added: '✎', removed: '✎', guard: '⚠', guardEnded: '✓', unreachable: '✕', reachable: '✓', rejected: '⚠' };
  const events = store.history
    .filter(entry => entry.release === release.id || (!entry.release && entry.document === release.document))
    .map(entry => ({ time: entry.time, sign: signs[entry.kind] ?? '•' }));
  const versions = release.versions.filter(version => points[version]?.some(point => point.rate > 0) || release.versions.length <= 4);
  const common = { release, versions, points, from: time - SPANS[span], to: time, events, scheme: dark };
  const upwards = (low, high) => [0, high > 0 ? high * 1.1 : 1];
  const rates = (low, high) => {
    const least = low === null ? 1 : Math.min(low, high);
    return least >= 1 ? [0.9, 1.005] : [Math.max(0, least - (1 - least) * 0.2), 1 + (1 - least) * 0.03];
  };
  return html`
    <section class="card s4"><header><h2>${t('chart_rate')}</h2>
      <div class="segments end" role="group" aria-label=${t('span')}>${Object.keys(SPANS).map(one => html`
        <button type="button" aria-pressed=${one === span ? 'true' : 'false'} onClick=${() => setSpan(one)}>${t(`span_${one}`)}</button>`)}</div></header>
      <${Chart} ...${common} name=${t('chart_rate')} value=${point => point.rate} shown=${rate} range=${upwards} /></section>
    <section class="card s4"><header><h2>${t('chart_success')}</h2></header>
      <${Chart} ...${common} name=${t('chart_success')} value=${point => point.success} shown=${value => percent(value)} range=${rates} /></section>
    <${Latency} common=${common} upwards=${upwards} />`;
}

function Latency({ common, upwards }) {
  const [which, setWhich] = useState('p99');
  const shown = value => `${milliseconds(value)} ms`;
  return html`<section class="card s4"><header><h2>${t(`chart_${which}`)}</h2>
    <div class="segments end" role="group" aria-label=${t('latency')}>${['p50', 'p99'].map(one => html`
      <button type="button" aria-pressed=${one === which ? 'true' : 'false'} onClick=${() => setWhich(one)}>${one}</button>`)}</div></header>
    <${Chart} ...${common} key=${which} name=${t(`chart_${which}`)} value=${point => point[which]} shown=${shown} range=${upwards} /></section>`;
}

/** The weights of all versions if `version` gets `share` of 100, and the others share the rest as before. */
function weights(release, version, share) {
  const before = release.configured;
  const others = Object.keys(before).filter(one => one !== version && before[one] > 0);
  if (others.length === 0 && release.principal !== version) others.push(release.principal);
  const sum = others.reduce((all, one) => all + (before[one] ?? 0), 0);
  const part = one => (sum > 0 ? (before[one] ?? 0) / sum : 1 / others.length);
  const rounded = value => Math.round(1000 * value) / 1000;
  return Object.fromEntries([[version, share], ...others.map(one => [one, rounded((100 - share) * part(one))])]);
}

function Drive({ release, ask, canChange, onApplied }) {
  const others = release.versions.filter(version => version !== release.principal);
  const [chosen, setChosen] = useState(others[0]);
  const version = others.includes(chosen) ? chosen : others[0];
  const present = Math.round(1000 * (release.configured[version] ?? 0)) / 10;
  const [share, setShare] = useState(null);
  const [preview, setPreview] = useState(null);
  const [error, setError] = useState(null);
  const value = share ?? present;
  const isCanary = release.strategy === 'canary';
  const revision = store.state?.documentsVersion;
  useEffect(() => {
    setError(null);
    if (share === null || share === present) { setPreview(null); return undefined; }
    let wanted = true;
    const timer = setTimeout(() => change('preview', release.document, release.name, { kind: 'setWeight', weights: weights(release, version, share) })
      .then(done => wanted && setPreview({ ...done, share }), failed => wanted && setError(failed.message)), 200);
    return () => { wanted = false; clearTimeout(timer); };
  }, [share, version, revision]);
  const apply = async () => {
    try {
      await change('apply', release.document, release.name, { kind: 'setWeight', weights: weights(release, version, value) });
      setShare(null);
      onApplied();
    } catch (failed) { setError(failed.message); }
  };
  const ramp = release.ramp ? t('drive_ramp', { version: release.ramp.version }) : null;
  const reason = release.takeOver ? t('drive_taken', { version: release.takeOver }) : ramp;
  const isReady = preview?.share === value && preview.diff && preview.findings.length === 0;
  return html`<section class="card s6"><header><h2>${t('drive')}</h2></header>
    ${(!isCanary || !version) && html`<p>${release.strategy === 'blueGreen' ? html`<${Mark} release=${release} version=${release.active} /> ${t('drive_active')}` : t('drive_none')}</p>`}
    ${isCanary && version && html`
      ${reason && html`<p class="notice warn">${reason}</p>`}
      ${others.length > 1 && html`<label>${t('version')}<select value=${version} onChange=${event => { setChosen(event.target.value); setShare(null); }}>
        ${others.map(one => html`<option value=${one}>${sign(release, one)} ${one}</option>`)}</select></label>`}
      <div class="slide ${tone(release, version)}"><${Mark} release=${release} version=${version} />
        <input type="range" min="0" max="100" step="1" value=${value} aria-label=${t('weight_of', { version })} disabled=${!canChange || !!reason} onInput=${event => setShare(Number(event.target.value))} />
        <input type="number" min="0" max="100" step="any" value=${value} aria-label=${`${t('weight_of', { version })}, %`} disabled=${!canChange || !!reason}
          onInput=${event => { const number = Number(event.target.value); if (number >= 0 && number <= 100) setShare(number); }} /> %
      </div>
      <div aria-live="polite">
        ${error && html`<p class="notice bad" role="alert">${t('failed', { error })}</p>`}
        ${preview && html`<${Moves} moves=${preview.moves} />${preview.findings.length > 0 && html`<${Findings} findings=${preview.findings} />`}
          ${preview.notes.map(note => html`<p class="notice warn">${note}</p>`)}
          <details><summary>${t('changes')}</summary><${Diff} text=${preview.diff} /></details>`}
      </div>
      ${canChange && html`<div class="buttons">
        <button class="first" data-apply-weight disabled=${!isReady} onClick=${apply}>${t('apply_percent', { percent: percent(value / 100) })}</button>
        <button disabled=${share === null} onClick=${() => setShare(null)}>${t('reset')}</button></div>`}`}
  </section>`;
}

function Why({ release }) {
  const rows = now(release.id).reasons;
  const all = rows.reduce((sum, row) => sum + row[2], 0);
  return html`<section class="card s6"><header><h2>${t('why')}</h2><small>${t('why_hint')}</small></header>
    ${rows.length === 0 ? html`<p class="empty">${t('no_reasons')}</p>` : html`<table class=${isOld() ? 'old' : ''}>
      <thead><tr><th>${t('reason')}</th><th>${t('version')}</th><th class="n">${t('count')}</th><th class="n">%</th></tr></thead>
      <tbody>${rows.slice(0, 12).map(([reason, version, requests]) => html`<tr key=${`${reason}\n${version}`}>
        <td>${reason}</td><td><${Mark} release=${release} version=${version} /></td><td class="n">${count(requests)}</td><td class="n">${percent(requests / all)}</td></tr>`)}</tbody></table>`}
  </section>`;
}

const shownPlace = group => ({ body: group.place || '/', header: t('header_place', { name: group.place }), status: t('status'), bytes: t('whole_body') })[group.what];
const text = value => (value === null || value === undefined ? t('absent') : String(value));

function Compare({ release, ask, canChange }) {
  const [found, setFound] = useState({ groups: [], pairs: [] });
  const samples = store.tick?.samples ?? 0;
  useEffect(() => {
    let wanted = true;
    get(`/api/differences?release=${encodeURIComponent(release.id)}`).then(all => wanted && setFound(all), () => {});
    return () => { wanted = false; };
  }, [release.id, samples]);
  if (release.mirrors.length === 0) return html`<section class="card s12"><header><h2>${t('compare')}</h2></header><p class="empty">${t('no_mirrors')}</p></section>`;
  const numbers = now(release.id).mirrors;
  const ignored = group => release.mirrors.find(mirror => mirror.name === group.mirror)?.ignore.includes(group.place);
  const list = tally => Object.entries(tally).filter(([, value]) => value > 0).map(([name, value]) => `${count(value)} ${name}`).join(' · ') || '–';
  return html`<section class="card s12" data-compare><header><h2>${t('compare')}</h2></header>
    ${store.tick?.samplesError && html`<p class="notice warn">${t('samples_error', { error: store.tick.samplesError })}</p>`}
    <div class="grid">${release.mirrors.map(mirror => html`<div key=${mirror.name} class="s6">
      <div>${t('outcomes', { mirror: mirror.name })}: <b>${list(numbers[mirror.name]?.outcomes ?? {})}</b></div>
      ${mirror.compares && html`<div>${t('results', { mirror: mirror.name })}: <b>${list(numbers[mirror.name]?.results ?? {})}</b></div>`}
    </div>`)}</div>
    ${found.groups.length === 0 ? html`<p class="empty">${t('no_differences')} ${samples === 0 ? t('no_log') : ''}</p>` : html`
      <div class="scroll" tabindex="0" role="region" aria-label=${t('compare')}><table>
        <thead><tr><th>${t('place')}</th><th>${t('mirror')}</th><th class="n">${t('times')}</th><th>${t('production')}</th><th>${t('mirror')}</th><th><span class="skip">${t('ignore')}</span></th></tr></thead>
        <tbody>${found.groups.slice(0, 50).map(group => html`<tr key=${`${group.mirror} ${group.what} ${group.place}`}>
          <td><code>${shownPlace(group)}</code></td><td>${group.mirror}</td><td class="n">${count(group.count)}</td>
          <td><code><del>${text(group.production)}</del></code></td><td><code><ins>${text(group.mirrored)}</ins></code></td>
          <td>${group.what === 'body' && (ignored(group) ? t('ignored') : canChange && html`<button class="small" onClick=${() =>
            ask(t('do_ignore', { place: group.place }), { kind: 'ignore', mirror: group.mirror, pointer: group.place })}>${t('ignore')}</button>`)}</td></tr>`)}
        </tbody></table></div>
      <h3>${t('pairs')}</h3>
      ${found.pairs.slice(0, 5).map((pair, index) => html`<${Pair} key=${`${pair.requestId} ${pair.time} ${index}`} pair=${pair} isFirst=${index === 0} />`)}`}
  </section>`;
}

function Pair({ pair, isFirst }) {
  const side = (name, status, took, key, Tag) => html`<div><b>${name}</b> ${text(status)} · ${t('milliseconds', { value: milliseconds(took) })}
    ${pair.differences.map(one => html`<div><code>${one.pointer ?? one.header ?? ''}: <${Tag}>${text(one[key])}<//></code></div>`)}</div>`;
  return html`<details class="pair" open=${isFirst}><summary><code>${pair.method} ${pair.path}</code> <small>→ ${pair.mirror}, ${pair.result}</small></summary>
    <div class="sides">${side(t('production'), pair.productionStatus, pair.productionMilliseconds, 'production', 'del')}
      ${side(t('mirror'), pair.mirrorStatus, pair.mirrorMilliseconds, 'mirror', 'ins')}</div>
    ${pair.note && html`<p>${pair.note}</p>`}</details>`;
}

function Try({ release }) {
  const [asked, setAsked] = useState({ host: (release.hosts[0] ?? '').replace('*', 'a'), method: 'GET', path: '/', headers: '', sourceAddress: '' });
  const [answer, setAnswer] = useState(null);
  const [error, setError] = useState(null);
  const field = (name, extra = {}) => ({ value: asked[name], onInput: event => setAsked({ ...asked, [name]: event.target.value }), ...extra });
  const submit = async event => {
    event.preventDefault();
    setError(null);
    try {
      const headers = asked.headers.split('\n').map(line => line.trim()).filter(Boolean);
      setAnswer(await post('/api/explain', { document: release.document, request: { ...asked, headers } }));
    } catch (failed) { setAnswer(null); setError(failed.message); }
  };
  if (release.unconfigured) return null;
  return html`<section class="card s12" data-try><header><h2>${t('try')}</h2></header>
    <form class="form" onSubmit=${submit}>
      <label>${t('host')}<input ...${field('host')} required /></label>
      <label>${t('method')}<input ...${field('method')} required /></label>
      <label>${t('path')}<input ...${field('path')} required /></label>
      <label>${t('source')}<input ...${field('sourceAddress')} /></label>
      <label class="wide">${t('headers')}<textarea rows="2" placeholder=${t('headers_example')} ...${field('headers')}></textarea></label>
      <button class="first">${t('explain')}</button>
    </form>
    <div aria-live="polite">
      ${error && html`<p class="notice bad" role="alert">${error}</p>`}
      ${answer && html`<h3>${answer.report.decision ? html`${sign(release, answer.report.decision.version)} ${answer.report.decision.version} · ${answer.report.decision.reason}` : '–'}</h3>
        <pre class="diff" tabindex="0" aria-label=${t('explain')}><code>${answer.text}</code></pre>`}
    </div>
  </section>`;
}

function Configuration({ release, ask, canChange }) {
  const [read, setRead] = useState(null);
  const [written, setWritten] = useState(null);
  const [findings, setFindings] = useState(null);
  const [isOvertaken, setOvertaken] = useState(false);
  const latest = useRef();
  latest.current = { read, written };
  const revision = store.state?.documents.find(one => one.id === release.document)?.revision;
  const reset = () => { setWritten(null); setFindings(null); setOvertaken(false); };
  useEffect(() => {
    if (!release.document) return;
    get(`/api/document?id=${encodeURIComponent(release.document)}`).then(found => {
      const mine = latest.current;
      // What somebody is writing is not thrown away because the file changed.
      const isWriting = mine.written !== null && mine.written !== mine.read && mine.written !== found.text;
      if (isWriting && mine.read !== found.text) setOvertaken(true); else if (!isWriting) reset();
      setRead(found.text);
    }, () => {});
  }, [release.document, revision]);
  useEffect(() => {
    if (written === null) return undefined;
    setFindings(null);
    let wanted = true;
    const timer = setTimeout(() => post('/api/check', { text: written }).then(found => wanted && setFindings(found.findings), () => {}), 300);
    return () => { wanted = false; clearTimeout(timer); };
  }, [written]);
  if (release.unconfigured) return null;
  const isChanged = written !== null && written !== read;
  return html`<section class="card s12" data-configuration><header><h2>${t('configuration')}</h2><small title=${release.document}>${release.document.split('/').pop()}</small></header>
    <textarea class="code" spellcheck=${false} aria-label=${t('edit')} readonly=${!canChange} value=${written ?? read ?? ''} onInput=${event => setWritten(event.target.value)}></textarea>
    <div aria-live="polite">
      ${isChanged && isOvertaken && html`<p class="notice warn">${t('overtaken')}</p>`}
      ${isChanged && !findings && html`<p>${t('checking')}</p>`}
      ${isChanged && findings?.length === 0 && html`<p class="notice ok">${t('valid')}</p>`}
      ${isChanged && findings?.length > 0 && html`<h3>${t('violations')}</h3><${Findings} findings=${findings} />`}
    </div>
    ${canChange && html`<div class="buttons">
      <button class="first" data-look disabled=${!isChanged || findings?.length !== 0} onClick=${() => ask(t('do_text'), { kind: 'text', text: written })}>${t('look')}</button>
      <button disabled=${!isChanged} onClick=${reset}>${t('reset')}</button></div>`}
  </section>`;
}
