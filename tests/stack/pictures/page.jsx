// The page: loads the dashboard in window.picture and draws it. It sets the attributes that camera.mjs waits for.
import 'uplot/dist/uPlot.min.css';
import { createTheme, dateMath, ThemeContext } from '@grafana/data';
import { GlobalStyles, PanelChrome } from '@grafana/ui';
import { createRoot } from 'react-dom/client';
import { prepare } from './fields.js';
import { place } from './grid.js';
import { Content, isEmpty, isKnown } from './panels.jsx';
import { panelFrames } from './prometheus.js';
import { fill, loadVariables, timing } from './variables.js';

const { board, variables, scrapeInterval, from = board.time.from, to = board.time.to } = window.picture;
const theme = createTheme({ colors: { mode: 'dark' } });
const timeZone = board.timezone || 'browser';
const range = { from: dateMath.toDateTime(from, {}), to: dateMath.toDateTime(to, { roundUp: true }), raw: { from, to } };

async function load(panel, values) {
  const { step, values: intervals } = timing(range, place(panel.gridPos).width, scrapeInterval);
  const fillIn = (text, scoped) => fill(text, { ...values, ...intervals }, scoped);
  const setting = { range, theme, timeZone, fillIn };
  if (panel.type === 'row') return { panel, state: 'data' };
  try {
    if (!isKnown(panel)) throw new Error(`a panel of type ${panel.type} is not supported`);
    const data = await prepare(panel, await panelFrames(panel, range, step, fillIn), setting);
    return { panel, setting, data, state: isEmpty(data) ? 'no data' : 'data' };
  } catch (error) {
    return { panel, state: 'error', message: error.message };
  }
}

function Panel({ panel, setting, data, state, message }) {
  const { left, top, width, height } = place(panel.gridPos);
  const chrome = (
    <PanelChrome title={panel.title} description={panel.description} width={width} height={height}>
      {(innerWidth, innerHeight) =>
        data ? <Content {...{ panel, data, setting }} width={innerWidth} height={innerHeight} /> : <div>{message}</div>
      }
    </PanelChrome>
  );
  return (
    <div data-panel={panel.id} data-title={panel.title} data-state={state} style={{ position: 'absolute', left, top }}>
      {panel.type === 'row' ? <h4>{panel.title}</h4> : chrome}
    </div>
  );
}

function Board({ heading, loaded }) {
  const { primary, secondary } = theme.colors.text;
  return (
    <ThemeContext.Provider value={theme}>
      <GlobalStyles />
      <div style={{ padding: '12px 8px', color: secondary }}>
        <span style={{ fontSize: 18, color: primary, marginRight: 24 }}>{board.title}</span>
        {[...heading, `${from} to ${to}`].join(' \u00a0 ')}
      </div>
      {loaded.map((result) => (
        <Panel key={result.panel.id} {...result} />
      ))}
    </ThemeContext.Provider>
  );
}

// The heading loads Grafana's styles with the fonts. Panels must wait for the fonts, because they measure their text, and a
// canvas is not drawn again.
async function fonts() {
  const frame = () => new Promise(requestAnimationFrame);
  for (const font of ['400 14px Inter', '500 14px Inter']) {
    while (!(await document.fonts.load(font)).length) await frame();
  }
}

async function main() {
  const { values, heading } = await loadVariables(board, variables, range);
  const loaded = await Promise.all(board.panels.map((panel) => load(panel, values)));
  const root = createRoot(document.getElementById('root'));
  root.render(<Board heading={heading} loaded={[]} />);
  await fonts();
  root.render(<Board heading={heading} loaded={loaded} />);
}

main()
  .then(() => (document.body.dataset.board = 'loaded'))
  .catch((error) => {
    document.body.dataset.board = 'failed';
    throw error;
  });
