// Every text of the page. Add a language: copy `en`, and translate the values.
const en = {
  name: 'English', short: 'EN', title: 'Halftone',
  releases: 'Releases', history: 'History', find: 'Find a release', find_hint: 'Find a release  /', skip: 'Skip to the content',
  language: 'Language', live: '{name}, live', ago: '{name}, {seconds} s ago', never: '{name}: no answer yet',
  gone: '{name} does not answer: {error}', offline: 'The console does not answer. The numbers are from {seconds} s ago.',
  signed_out: 'This page has no access any more. Open the link that halftonectl console printed.',
  loading: 'Loading…', no_releases: 'The configuration has no releases.', none_found: 'No release matches “{text}”.',
  documents_error: 'The configuration cannot be read: {error}', samples_error: 'The log cannot be read: {error}',
  view_only: 'This console only shows: nothing can be changed here.',
  rejected: '{name} rejected the latest configuration. The one before it keeps serving. The proxy’s log says why.',
  canary: 'canary', blueGreen: 'blue-green', none: 'no strategy', mirrored: 'mirror',
  state_guard: '{versions} returned by the guard', state_unreachable: '{versions} has no endpoint', state_take_over: '{version} took over',
  state_ramp: 'ramping to {version} · {percent} now', ramp_left: '{time} to {percent}', days_hours: '{days} d {hours} h', hours_minutes: '{hours} h {minutes} min', minutes: '{minutes} min', state_held: 'held at {percent}', state_quiet: 'no traffic', state_fine: 'as configured',
  unconfigured: 'not in the configuration',
  traffic: 'Traffic now', traffic_hint: 'the line marks the configured share', of: 'of {percent}', requests: 'requests', success: 'success',
  latency: 'p50 · p99', per_second: '{rate}/s',
  chart_rate: 'Requests/s', chart_success: 'Success', chart_p50: 'Latency, p50', chart_p99: 'Latency, p99', span: 'Time', span_5m: '5 min',
  span_1h: '1 h', span_6h: '6 h', no_numbers: 'No requests in this time.',
  drive: 'Drive', weight_of: 'Weight of {version}', version: 'Version', apply_percent: 'Apply {percent}', reset: 'Reset',
  drive_none: 'This release has one version. Add a canary or blueGreen to drive it.',
  drive_active: 'is active and gets all requests. Switch and roll back are above.',
  drive_taken: '{version} has taken over. Restore the split before you set weights.',
  drive_ramp: 'A ramp gives {version} its share. Pause or resume it above.', pause: 'Pause…', resume: 'Resume…',
  do_pause: 'Hold the ramp', do_resume: 'Let the ramp continue',
  take_over: 'Take over…', restore: 'Restore…', promote: 'Promote…', rollback: 'Roll back…', switch_to: 'Switch to {version}…',
  do_take_over: 'Give all requests to {version}', do_restore: 'Let the rules and the split decide again', do_promote: 'Make {version} the principal',
  do_rollback: 'Roll back {release}', do_switch: 'Switch to {version}', do_text: 'Change the configuration',
  do_ignore: 'Ignore {place}', do_put_back: 'Put the configuration of {time} back', apply: 'Apply', cancel: 'Cancel',
  moves_some: 'About {count} of {of} sessions move {from} → {to}.', moves_drawn: 'About {count} of {of} requests go to {to} instead of {from}.',
  moves_none: 'No session moves to another version.', moves_back: 'None moves the other way.', changes: 'What changes in the configuration',
  nothing_changes: 'Nothing changes: the configuration says this already.', applied: 'Applied. Envoy reads it within a second.',
  has_findings: 'This cannot be applied:', notes: 'Note',
  why: 'Why', why_hint: 'reasons in the last minute', no_reasons: 'No requests in the last minute.', reason: 'reason', count: 'requests',
  try: 'Try a request', host: 'Host', method: 'Method', path: 'Path, with the query', headers: 'Headers, one a line', source: 'Source address',
  explain: 'Explain', headers_example: 'end-user: jason',
  compare: 'Compare', no_mirrors: 'This release has no mirrors.', outcomes: 'Copies of {mirror}', results: 'Comparisons of {mirror}',
  place: 'place', times: 'times', production: 'production', mirror: 'mirror', ignore: 'Ignore…', ignored: 'ignored',
  no_differences: 'No differing answers so far.', no_log: 'Start the console with --log to see which answers differ.', pairs: 'Latest pairs', status: 'status',
  whole_body: 'the bodies, as bytes', absent: 'absent', header_place: 'header {name}', milliseconds: '{value} ms',
  configuration: 'Configuration', violations: 'Violations', valid: 'This configuration is valid.', look: 'Look at the change…',
  overtaken: 'The configuration changed while you edited it. Your text undoes that change. Reset shows the configuration as it is now.',
  checking: 'Checking…', edit: 'Configuration as YAML',
  history_of: 'History', no_history: 'Nothing has happened yet.', by: 'by {who}', history_error: 'The history is not kept: {error}', put_back: 'Put back…',
  event_changed: '{release}: {action}', event_outside: 'The configuration changed outside of the console',
  event_guard: 'The guard returned {version} of {release}', event_guardEnded: 'The guard gave {version} of {release} its traffic back',
  event_unreachable: '{version} of {release} has no endpoint', event_reachable: '{version} of {release} has endpoints again',
  event_rejected: '{proxy} rejected a configuration', failed: 'This failed: {error}',
  no_prometheus: 'Start the console with --prometheus to see numbers.',
  event_added: '{document} is new', event_removed: '{document} was deleted',
  may_only_see: 'You may see this release, and not change it: you need the right to patch its plugin.',
  sign_in: 'Sign in', sign_out: 'Sign out', token: 'Token', sign_in_hint: 'Paste a token of the cluster. You see and change what its user may see and change. To get one:',
};
const zh = {
  name: '中文', short: '中文', title: 'Halftone',
  releases: '发布', history: '历史', find: '查找发布', find_hint: '查找发布  /', skip: '跳到内容',
  language: '语言', live: '{name}，实时', ago: '{name}，{seconds} 秒前', never: '{name}：尚无响应',
  gone: '{name} 没有响应：{error}', offline: '控制台没有响应。以下数字是 {seconds} 秒前的。',
  signed_out: '此页面已无访问权限。请打开 halftonectl console 打印的链接。',
  loading: '加载中…', no_releases: '配置中没有发布。', none_found: '没有匹配“{text}”的发布。',
  documents_error: '无法读取配置：{error}', samples_error: '无法读取日志：{error}',
  view_only: '此控制台为只读：这里不能更改任何内容。',
  rejected: '{name} 拒绝了最新配置，之前的配置继续生效。原因见代理的日志。',
  canary: '金丝雀', blueGreen: '蓝绿', none: '无策略', mirrored: '镜像',
  state_guard: '{versions} 已被守护退回', state_unreachable: '{versions} 没有可用端点', state_take_over: '{version} 已接管',
  state_ramp: '正在渐增到 {version} · 现为 {percent}', ramp_left: '还需 {time} 到 {percent}', days_hours: '{days} 天 {hours} 小时', hours_minutes: '{hours} 小时 {minutes} 分', minutes: '{minutes} 分钟', state_held: '保持在 {percent}', state_quiet: '没有流量', state_fine: '与配置一致',
  unconfigured: '不在配置中',
  traffic: '当前流量', traffic_hint: '竖线表示配置的比例', of: '配置 {percent}', requests: '请求', success: '成功率',
  latency: 'p50 · p99', per_second: '{rate}/秒',
  chart_rate: '请求/秒', chart_success: '成功率', chart_p50: '延迟 p50', chart_p99: '延迟 p99', span: '时间', span_5m: '5 分钟',
  span_1h: '1 小时', span_6h: '6 小时', no_numbers: '此时段没有请求。',
  drive: '操作', weight_of: '{version} 的权重', version: '版本', apply_percent: '应用 {percent}', reset: '重置',
  drive_none: '此发布只有一个版本。添加 canary 或 blueGreen 后才能操作。',
  drive_active: '为活动版本，接收全部请求。可在上方切换或回滚。',
  drive_taken: '{version} 已接管。设置权重前请先恢复分流。',
  drive_ramp: '{version} 的比例由渐增决定。可在上方暂停或继续。', pause: '暂停…', resume: '继续…',
  do_pause: '保持渐增', do_resume: '让渐增继续',
  take_over: '接管…', restore: '恢复…', promote: '转正…', rollback: '回滚…', switch_to: '切换到 {version}…',
  do_take_over: '将全部请求交给 {version}', do_restore: '恢复由规则和分流决定', do_promote: '将 {version} 设为主版本',
  do_rollback: '回滚 {release}', do_switch: '切换到 {version}', do_text: '更改配置',
  do_ignore: '忽略 {place}', do_put_back: '恢复 {time} 之前的配置', apply: '应用', cancel: '取消',
  moves_some: '每 {of} 个会话中约 {count} 个从 {from} 移到 {to}。', moves_drawn: '每 {of} 个请求中约 {count} 个从 {from} 改到 {to}。',
  moves_none: '没有会话移到其他版本。', moves_back: '没有会话反向移动。', changes: '配置的变化',
  nothing_changes: '没有变化：配置已经如此。', applied: '已应用。Envoy 将在一秒内读取。',
  has_findings: '无法应用：', notes: '注意',
  why: '原因', why_hint: '最近一分钟的决定原因', no_reasons: '最近一分钟没有请求。', reason: '原因', count: '请求',
  try: '试一个请求', host: '主机', method: '方法', path: '路径（含查询）', headers: '请求头，每行一个', source: '来源地址',
  explain: '解释', headers_example: 'end-user: jason',
  compare: '比对', no_mirrors: '此发布没有镜像。', outcomes: '{mirror} 的副本', results: '{mirror} 的比对',
  place: '位置', times: '次数', production: '生产', mirror: '镜像', ignore: '忽略…', ignored: '已忽略',
  no_differences: '目前没有不同的响应。', no_log: '用 --log 启动控制台即可查看哪些响应不同。', pairs: '最近的响应对', status: '状态码',
  whole_body: '整个响应体（按字节）', absent: '无', header_place: '响应头 {name}', milliseconds: '{value} 毫秒',
  configuration: '配置', violations: '违规', valid: '此配置有效。', look: '查看变化…',
  overtaken: '在您编辑期间配置已更改。应用您的文本会撤销该更改。点击重置可查看当前配置。',
  checking: '检查中…', edit: 'YAML 配置',
  history_of: '历史', no_history: '尚未发生任何事。', by: '操作者 {who}', history_error: '历史没有保存：{error}', put_back: '恢复…',
  event_changed: '{release}：{action}', event_outside: '配置在控制台之外被更改',
  event_guard: '守护退回了 {release} 的 {version}', event_guardEnded: '守护恢复了 {release} 的 {version} 的流量',
  event_unreachable: '{release} 的 {version} 没有端点', event_reachable: '{release} 的 {version} 重新有了端点',
  event_rejected: '{proxy} 拒绝了一个配置', failed: '失败：{error}',
  no_prometheus: '用 --prometheus 启动控制台即可查看数字。',
  event_added: '新增了 {document}', event_removed: '{document} 已被删除',
  may_only_see: '您可以查看此发布，但不能更改：需要对其插件的 patch 权限。',
  sign_in: '登录', sign_out: '退出', token: '令牌', sign_in_hint: '请粘贴集群的令牌。您能查看和更改的内容与该用户的权限一致。获取方法：',
};
export const languages = { en, zh };

const kept = () => { try { return localStorage.getItem('language'); } catch { return null; } };
let current = kept() ?? (navigator.language?.startsWith('zh') ? 'zh' : 'en');
if (!languages[current]) current = 'en';

export const language = () => current;
export function speak(name) {
  current = name;
  document.documentElement.lang = name === 'zh' ? 'zh-CN' : 'en';
  try { localStorage.setItem('language', name); } catch { /* A browser without storage forgets the choice. */ }
}
speak(current);

/** The text `key` with its values. */
export function t(key, values = {}) {
  const text = languages[current][key] ?? en[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (all, name) => values[name] ?? all);
}
