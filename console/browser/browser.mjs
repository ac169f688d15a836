// Starts a headless Chromium: that of CHROMIUM_BIN, that of the PATH, or the one that `make browser` installs.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const tools = process.env.HALFTONE_BROWSER ?? new URL('../../target/tools/browser', import.meta.url).pathname;
const library = path => import(pathToFileURL(join(tools, 'node_modules', path)).href);

async function program() {
  if (process.env.CHROMIUM_BIN) return process.env.CHROMIUM_BIN;
  for (const name of ['chromium', 'chromium-browser', 'google-chrome']) {
    if (spawnSync(name, ['--version']).status === 0) return name;
  }
  // The package unpacks the browser and the libraries that a small machine lacks into TMPDIR.
  process.env.TMPDIR = join(tools, 'unpacked');
  process.env.AWS_LAMBDA_JS_RUNTIME = 'nodejs22.x';
  if (existsSync('/etc/fonts/fonts.conf')) process.env.FONTCONFIG_PATH ??= '/etc/fonts';
  mkdirSync(process.env.TMPDIR, { recursive: true });
  const { default: packaged } = await library('@sparticuz/chromium/build/index.js');
  return packaged.executablePath();
}

export const axe = join(tools, 'node_modules/axe-core/axe.min.js');

/** A headless browser. */
export async function browser() {
  const executablePath = await program();
  const { chromium } = (await library('playwright-core/index.js')).default;
  return chromium.launch({ executablePath, headless: true, chromiumSandbox: false, args: ['--font-render-hinting=none'] });
}
