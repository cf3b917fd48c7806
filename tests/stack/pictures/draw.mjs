// The command: reads options and dashboards, and prints the state of each panel.
import { mkdirSync, readFileSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { Camera } from './camera.mjs';

const USAGE =
  'usage: draw [--from now-15m] [--to now] [--var NAME=VALUE]... [--scrape-interval 15s] PROMETHEUS_URL OUT_DIR [BOARD.json...]';

function commandLine() {
  const text = { type: 'string' };
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { from: text, to: text, var: { ...text, multiple: true, default: [] }, 'scrape-interval': { ...text, default: '15s' } },
  });
  const [prometheus, directory, ...boards] = positionals;
  if (!directory) throw new Error(USAGE);
  const variables = {};
  for (const pair of values.var) {
    const [, name, value] = /^(\w+)=(.+)$/s.exec(pair) ?? [];
    if (!name) throw new Error(`--var ${pair} is not NAME=VALUE`);
    (variables[name] ??= []).push(value);
  }
  const settings = { prometheus, variables, from: values.from, to: values.to, scrapeInterval: values['scrape-interval'] };
  return { settings, directory, boards: boards.length ? boards : allBoards() };
}

function allBoards() {
  const directory = process.env.DASHBOARDS;
  return readdirSync(directory)
    .filter((file) => file.endsWith('.json'))
    .sort()
    .map((file) => join(directory, file));
}

// A panel may be empty if its dashboard defines a text for missing data. A link has no variable left.
function isFault(panel, board) {
  if (panel.links.some((link) => link.includes('${'))) return true;
  const { noValue } = board.panels.find(({ id }) => id === panel.id).fieldConfig?.defaults ?? {};
  return !(panel.state === 'data' || (panel.state === 'no data' && noValue));
}

async function main() {
  const { settings, directory, boards } = commandLine();
  mkdirSync(directory, { recursive: true });
  let faults = 0;
  const camera = await Camera.open();
  try {
    for (const file of boards) {
      const name = basename(file, '.json');
      const board = JSON.parse(readFileSync(file, 'utf8'));
      const { panels, errors } = await camera.take({ ...settings, board }, join(directory, `${name}.png`));
      for (const panel of panels) console.log([name, panel.title, panel.state, panel.text].join('\t'));
      for (const error of errors) console.error(`${name}: ${error}`);
      faults += errors.length + panels.filter((panel) => isFault(panel, board)).length;
    }
  } finally {
    await camera.close();
  }
  if (faults) console.error(`${faults} faults`);
  process.exitCode = faults ? 1 : 0;
}

main().catch((error) => {
  console.error(error.message);
  process.exitCode = 1;
});
