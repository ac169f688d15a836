import { language } from './texts.js';

const locale = () => (language() === 'zh' ? 'zh-CN' : 'en-US');
const missing = value => value === null || value === undefined || Number.isNaN(value);

/** A share as a percentage: `30.1 %`. */
export function percent(share, digits = 1) {
  if (missing(share)) return '–';
  const value = 100 * share;
  const whole = Math.abs(value - Math.round(value)) < 10 ** -digits / 2;
  return `${value.toLocaleString(locale(), { maximumFractionDigits: whole ? 0 : digits, minimumFractionDigits: whole ? 0 : digits })} %`;
}
/** A success rate. It says 100 % only if nothing failed. */
export function success(share) {
  if (missing(share)) return '–';
  if (share < 1 && share > 0.9999) return '99.99 %';
  return percent(share, 2);
}
/** A number of a second. */
export function rate(value) {
  if (missing(value)) return '–';
  return value.toLocaleString(locale(), { maximumFractionDigits: value > 0 && value < 10 ? 1 : 0 });
}
/** A count. */
export const count = value => (missing(value) ? '–' : value.toLocaleString(locale()));
/** Milliseconds. */
export const milliseconds = value => (missing(value) ? '–' : value.toLocaleString(locale(), { maximumFractionDigits: value < 10 ? 1 : 0 }));
/** The time of day of seconds since 1970. */
export const clock = seconds => new Date(1000 * seconds).toLocaleTimeString(locale(), { hour12: false });
/** The time of day, and the day if it is not today. */
export function moment(seconds) {
  const date = new Date(1000 * seconds);
  const isToday = date.toDateString() === new Date().toDateString();
  return isToday ? clock(seconds) : `${date.toLocaleDateString(locale(), { month: 'short', day: 'numeric' })} ${clock(seconds)}`;
}
