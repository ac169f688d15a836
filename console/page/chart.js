// A chart of all versions of a release, with marks for what happened.
import { useEffect, useRef } from './vendor/hooks.js';
import { html, Mark, dash, tone } from './parts.js';
import { clock } from './format.js';
import { language, t } from './texts.js';

const HEIGHT = 168;

/** Draws a dashed line for each event, with a sign above it. */
const marks = events => ({
  hooks: {
    draw: chart => {
      const { ctx, bbox } = chart;
      const css = getComputedStyle(document.documentElement);
      ctx.save();
      ctx.strokeStyle = ctx.fillStyle = css.getPropertyValue('--soft');
      ctx.setLineDash([4, 4]);
      ctx.font = `${11 * devicePixelRatio}px system-ui`;
      for (const event of events()) {
        const x = Math.round(chart.valToPos(event.time, 'x', true));
        if (x < bbox.left || x > bbox.left + bbox.width) continue;
        ctx.beginPath();
        ctx.moveTo(x, bbox.top);
        ctx.lineTo(x, bbox.top + bbox.height);
        ctx.stroke();
        ctx.fillText(event.sign, x + 3 * devicePixelRatio, bbox.top + 10 * devicePixelRatio);
      }
      ctx.restore();
    },
  },
});

/** `points` are the points of each version, `value` reads one, `shown` prints one. */
export function Chart({ name, release, versions, points, value, shown, from, to, range, events, scheme }) {
  const holder = useRef();
  const chart = useRef();
  const latest = useRef();
  latest.current = { events, from, to, range };
  const times = [...new Set(versions.flatMap(version => (points[version] ?? []).map(point => point.time)))].sort((a, b) => a - b);
  const at = new Map(times.map((time, index) => [time, index]));
  const rows = versions.map(version => {
    const row = new Array(times.length).fill(null);
    for (const point of points[version] ?? []) row[at.get(point.time)] = value(point);
    return row;
  });
  const data = [times, ...rows];
  const key = `${versions.join('\n')} ${scheme} ${language()}`;

  useEffect(() => {
    const css = getComputedStyle(document.documentElement);
    const colour = property => css.getPropertyValue(property).trim();
    const axis = { stroke: colour('--soft'), grid: { stroke: colour('--line'), width: 1 }, ticks: { stroke: colour('--line') }, font: '11px system-ui' };
    chart.current = new window.uPlot({
      width: holder.current.clientWidth, height: HEIGHT, legend: { show: false }, cursor: { drag: { x: false, y: false } },
      padding: [8, 4, 0, 0],
      scales: {
        x: { range: () => [latest.current.from, latest.current.to] },
        y: { range: (_, low, high) => latest.current.range(low, high) },
      },
      axes: [
        { ...axis, space: 70, size: 28, values: (_, all) => all.map(time => clock(time).slice(0, 5)) },
        { ...axis, size: 54, values: (_, all) => all.map(shown) },
      ],
      series: [{}, ...versions.map(version => ({
        label: version, stroke: colour(`--v${tone(release, version).slice(1)}`), width: 2, dash: dash(release, version), points: { show: false }, spanGaps: false,
      }))],
      plugins: [marks(() => latest.current.events)],
    }, data, holder.current);
    const resize = new ResizeObserver(() => { if (holder.current) chart.current?.setSize({ width: holder.current.clientWidth, height: HEIGHT }); });
    resize.observe(holder.current);
    return () => { resize.disconnect(); chart.current.destroy(); chart.current = null; };
  }, [key]);
  useEffect(() => { chart.current?.setData(data); });

  const last = row => [...row].reverse().find(one => one !== null);
  const said = versions.map((version, index) => {
    const found = last(rows[index]);
    return `${version} ${found === undefined ? '–' : shown(found)}`;
  });
  const isEmpty = !rows.some(row => row.some(one => one !== null));
  return html`<div data-chart=${name}>
    <div class="legend">${versions.map((version, index) => html`<span><${Mark} release=${release} version=${version} /> ${said[index].slice(version.length)}</span>`)}</div>
    <div class="chart" ref=${holder} role="img" aria-label=${`${name}: ${said.join(', ')}`} data-points=${times.length}></div>
    ${isEmpty && html`<p class="empty">${t('no_numbers')}</p>`}
  </div>`;
}
