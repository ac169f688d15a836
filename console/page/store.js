// What the page knows, and how it asks the server.
import { useEffect, useReducer } from './vendor/hooks.js';

/** `tick` has the numbers of the latest second, `at` the time at which it came, in milliseconds of this page. */
export const store = { state: null, tick: null, at: 0, history: [], error: null, signedOut: false, signIn: false };

const listeners = new Set();
export function changed() { for (const listener of listeners) listener(); }

/** Draws the component again when the store changes. */
export function useStore() {
  const [, draw] = useReducer(n => n + 1, 0);
  useEffect(() => { listeners.add(draw); return () => listeners.delete(draw); }, []);
  return store;
}

async function answered(response) {
  const text = await response.text();
  let body = null;
  try { body = JSON.parse(text); } catch { /* Refusals are plain text. */ }
  if (response.status === 401) { store.signIn = Boolean(body?.signIn); store.signedOut = !store.signIn; changed(); }
  if (!response.ok) throw new Error(body?.error ?? text.trim() ?? String(response.status));
  return body;
}
export const get = async path => answered(await fetch(path));
export const post = async (path, body) => answered(await fetch(path, {
  method: 'POST', body: JSON.stringify(body),
  headers: { 'content-type': 'application/json', 'x-halftone-csrf': store.state?.csrf ?? '' },
}));

/** Exchanges a token of the cluster for a cookie, and begins again. */
export async function signIn(token) {
  const headers = { 'content-type': 'application/json', 'x-halftone-csrf': 'sign-in' };
  const response = await fetch('/api/sign-in', { method: 'POST', body: JSON.stringify({ token }), headers });
  if (!response.ok) throw new Error((await response.json().catch(() => ({}))).error ?? String(response.status));
  store.signIn = false;
  await load();
  listen();
}
export async function signOut() {
  await post('/api/sign-out', {});
  location.reload();
}

/** Asks for a change of a release: `preview` or `apply`. */
export const change = (what, document, release, wanted) => post(`/api/${what}`, {
  document, release, change: wanted, revision: store.state.documents.find(one => one.id === document)?.revision ?? '',
});

/** Asks for everything but the numbers again. */
export async function load() {
  try {
    [store.state, store.history] = await Promise.all([get('/api/state'), get('/api/history')]);
    store.error = null;
  } catch (error) { store.error = String(error.message ?? error); }
  changed();
}

let events = null;
function listen() {
  events?.close();
  events = new EventSource('/api/events');
  events.onmessage = message => {
    const before = store.tick;
    const tick = JSON.parse(message.data);
    if (!tick.time) return;
    store.tick = tick;
    store.at = performance.now();
    const isNew = !store.state || tick.documentsVersion !== store.state.documentsVersion || tick.rights !== store.state.rights || (before && tick.entries !== before.entries);
    if (isNew) load(); else changed();
  };
  events.onerror = () => {
    if (events.readyState === EventSource.CLOSED && !store.signedOut && !store.signIn) setTimeout(() => { load(); listen(); }, 2000);
  };
}
/** Begins to listen. A hidden page needs no numbers. */
export function begin() {
  load();
  listen();
  document.addEventListener('visibilitychange', () => { if (document.hidden) events?.close(); else listen(); });
  setInterval(() => { if (performance.now() - store.at > 1500) changed(); }, 1000);
}

/** The seconds since the latest numbers came. */
export const silence = () => (store.at ? Math.round((performance.now() - store.at) / 1000) : 0);
export const STALE = 5;
/** Whether the numbers are older than five seconds. */
export function isOld() {
  const tick = store.tick;
  if (!tick?.proxies?.length || silence() > STALE) return true;
  return tick.proxies.every(proxy => tick.time - proxy.answered > STALE);
}
/** The numbers of a release. */
export const now = name => store.tick?.releases?.[name] ?? { versions: {}, reasons: [], mirrors: {}, guarded: [], unreachable: [], configured: {} };
/** The configured shares of a release. Those that the proxies report follow a ramp. */
export function configured(release) {
  const reported = now(release.id).configured;
  return release.ramp && Object.keys(reported).length ? reported : release.configured;
}
/** A release with the versions that have traffic, though its configuration does not name them. */
function complete(release) {
  const others = Object.entries(now(release.id).versions).filter(([version, one]) => one.rate > 0 && !release.versions.includes(version));
  return others.length ? { ...release, versions: [...release.versions, ...others.map(([version]) => version).sort()] } : release;
}
let listed = { state: null, tick: null, all: [] };
/** The releases of the configuration, then those that only the numbers know. The same array until something changes. */
export function releases() {
  if (listed.state !== store.state || listed.tick !== store.tick) listed = { state: store.state, tick: store.tick, all: all() };
  return listed.all;
}
function all() {
  const known = (store.state?.releases ?? []).map(complete);
  const names = new Set(known.map(release => release.id));
  const others = Object.keys(store.tick?.releases ?? {}).filter(name => !names.has(name)).sort();
  return [...known, ...others.map(name => ({
    id: name, name, document: '', hosts: [], strategy: 'none', principal: '', versions: Object.keys(now(name).versions).sort(), configured: {},
    rules: [], mirrors: [], unconfigured: true,
  }))];
}
