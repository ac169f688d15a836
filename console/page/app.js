import { render } from './vendor/preact.js';
import { useEffect, useReducer, useState } from './vendor/hooks.js';
import { html } from './parts.js';
import { History } from './history.js';
import { Overview } from './overview.js';
import { ReleasePage } from './release.js';
import { STALE, begin, signIn, signOut, silence, useStore } from './store.js';
import { language, languages, speak, t } from './texts.js';

/** The page that the address names: `#/`, `#/history`, `#/release/NAME`. */
function route() {
  const [, page, name] = location.hash.split('/');
  let decoded = '';
  try { decoded = decodeURIComponent(name ?? ''); } catch { /* A broken address names nothing. */ }
  return { page: page ?? '', name: decoded };
}

function Source({ proxy, time }) {
  const age = time - proxy.answered;
  const isOld = age > STALE;
  const text = !proxy.answered && !proxy.error ? t('never', { name: proxy.name })
    : isOld ? (proxy.error ? t('gone', { name: proxy.name, error: proxy.error }) : t('ago', { name: proxy.name, seconds: age }))
      : age > 1 ? t('ago', { name: proxy.name, seconds: age }) : t('live', { name: proxy.name });
  return html`<span class="source" title=${text}><i class="dot ${isOld ? 'gone' : ''}"></i>${text}</span>`;
}

function Notices({ state, tick, error, signedOut }) {
  const quiet = silence();
  return html`<div class="frame" style=${{ paddingBottom: 0, paddingTop: '12px' }} role="status">
    ${signedOut && html`<p class="notice bad">${t('signed_out')}</p>`}
    ${!signedOut && (error || quiet > STALE) && html`<p class="notice bad">${error && quiet <= STALE ? t('failed', { error }) : t('offline', { seconds: quiet })}</p>`}
    ${tick?.documentsError && html`<p class="notice bad">${t('documents_error', { error: tick.documentsError })}</p>`}
    ${tick?.historyError && html`<p class="notice warn">${t('history_error', { error: tick.historyError })}</p>`}
    ${tick?.proxies?.filter(proxy => proxy.answered && tick.time - proxy.answered > STALE && proxy.error).map(proxy => html`<p class="notice bad">${t('gone', proxy)}</p>`)}
    ${tick?.proxies?.filter(proxy => proxy.rejected > 0).map(proxy => html`<p class="notice bad">${t('rejected', proxy)}</p>`)}
    ${state?.viewOnly && html`<p class="notice warn">${t('view_only')}</p>`}
  </div>`;
}

/** Asks for a token of the cluster. The console keeps it in its memory, and the browser gets a cookie. */
function SignIn() {
  const [token, setToken] = useState('');
  const [error, setError] = useState(null);
  const submit = event => {
    event.preventDefault();
    setError(null);
    signIn(token).catch(failed => setError(failed.message));
  };
  return html`<div class="frame"><main id="content" class="card" data-sign-in><h1>${t('sign_in')}</h1><p>${t('sign_in_hint')}</p>
    <pre class="diff"><code>kubectl create token NAME --namespace NAMESPACE</code></pre>
    <form class="form" onSubmit=${submit}>
      <label class="wide">${t('token')}<input type="password" autocomplete="off" required value=${token} onInput=${event => setToken(event.target.value)} /></label>
      <button class="first">${t('sign_in')}</button></form>
    <div aria-live="polite">${error && html`<p class="notice bad" role="alert">${t('failed', { error })}</p>`}</div></main></div>`;
}

function App() {
  const { state, tick, error, signedOut, signIn: mustSignIn } = useStore();
  const [{ page, name }, setRoute] = useState(route());
  const [text, setText] = useState('');
  const [, draw] = useReducer(n => n + 1, 0);
  useEffect(() => {
    const moved = () => { setRoute(route()); scrollTo(0, 0); };
    const key = event => {
      if (event.key === '/' && !/^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName) && !document.querySelector('dialog[open]')) {
        event.preventDefault();
        document.getElementById('find')?.focus();
      }
    };
    addEventListener('hashchange', moved);
    // The address can have changed between the first drawing and this listener.
    setRoute(route());
    addEventListener('keydown', key);
    return () => { removeEventListener('hashchange', moved); removeEventListener('keydown', key); };
  }, []);
  useEffect(() => { document.title = `${name || t(page === 'history' ? 'history' : 'releases')} · Halftone`; });
  const isHistory = page === 'history';
  return html`
    <a class="skip" href="#content" onClick=${event => { event.preventDefault(); document.getElementById('content')?.scrollIntoView(); }}>${t('skip')}</a>
    <header class="top-bar"><a class="brand" href="#/"><span aria-hidden="true">◐ </span>${t('title')}</a>
      <nav aria-label=${t('title')}><a href="#/" aria-current=${!isHistory ? 'page' : undefined}>${t('releases')}</a>
        <a href="#/history" aria-current=${isHistory ? 'page' : undefined}>${t('history')}</a></nav>
      <div class="sources">${state?.viewer && html`<small data-viewer>${state.viewer}</small>`}
        ${state?.canSignOut && !mustSignIn && html`<button class="small" onClick=${signOut}>${t('sign_out')}</button>`}
        ${(tick?.proxies ?? []).slice(0, 3).map(proxy => html`<${Source} proxy=${proxy} time=${tick.time} />`)}
        <div class="segments" role="group" aria-label=${t('language')}>${Object.keys(languages).map(one => html`
          <button type="button" lang=${one} aria-pressed=${one === language() ? 'true' : 'false'} onClick=${() => { speak(one); draw(); }}>${languages[one].short}</button>`)}</div>
      </div></header>
    ${!mustSignIn && html`<${Notices} state=${state} tick=${tick} error=${error} signedOut=${signedOut} />`}
    ${mustSignIn ? html`<${SignIn} />` : isHistory ? html`<${History} />` : page === 'release' ? html`<${ReleasePage} name=${name} text=${text} onText=${setText} />`
      : html`<${Overview} text=${text} onText=${setText} />`}`;
}

begin();
render(html`<${App} />`, document.getElementById('app'));
