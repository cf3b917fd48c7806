// The dashboard's variables: their values, and their replacement in texts.
import { formattedValueToString, getFieldDisplayName, rangeUtil } from '@grafana/data';
import { labelValues } from './prometheus.js';

const REGEX_SPECIAL = /[\\^$*+?.()|[\]{}]/g;
const inString = (text) => text.replace(/\\/g, '\\\\').replace(/"/g, '\\"');
const inRegex = (text) => inString(text.replace(REGEX_SPECIAL, '\\$&'));

// The variables of a link in a table: the value of its cell, and the other cells of its row.
function cellValue(name, { frame, field, rowIndex }) {
  const [, other, property = 'text'] = /^(?:__value|__data\.fields\.(\w+))(?:\.(raw|text))?$/.exec(name) ?? [];
  const source = other ? frame.fields.find((one) => getFieldDisplayName(one, frame) === other) : field;
  if (!source) return undefined;
  const value = source.values[rowIndex] ?? '';
  return property === 'raw' ? value : formattedValueToString(source.display(value));
}

const FORMATS = { percentencode: (_, value) => encodeURIComponent(value), queryparam: (name, value) => `var-${name}=${encodeURIComponent(value)}` };

// Replaces variables; scoped has the cell of a link. A variable without a value stays.
export const fill = (text, values, scoped) =>
  text.replace(/\$(?:(\w+)|\{([\w.]+)(?::(\w+))?\})/g, (whole, plain, braced, format) => {
    const name = plain ?? braced;
    const value = scoped && /^__(value|data)\b/.test(name) ? cellValue(name, scoped.__dataContext.value) : values[name];
    return value === undefined ? whole : (FORMATS[format]?.(name, value) ?? String(value));
  });

// Formats a value for a query like Grafana's Prometheus data source.
function quoted(variable, chosen) {
  if (!variable.multi && !variable.includeAll) return inString(chosen[0]);
  return chosen.length === 1 ? inRegex(chosen[0]) : `(${chosen.map(inRegex).join('|')})`;
}

async function choose(variable, wanted, range, values) {
  const [, selector, label] = /^label_values\((?:(.+),\s*)?(\w+)\)$/s.exec(variable.query) ?? [];
  if (!label) throw new Error(`variable ${variable.name}: cannot read ${variable.query}`);
  const options = await labelValues(label, selector && fill(selector, values), range);
  const strange = wanted?.find((value) => !options.includes(value));
  if (strange) throw new Error(`variable ${variable.name} cannot be ${strange}, but: ${options.join(', ')}`);
  if (!options.length) throw new Error(`variable ${variable.name} has no value`);
  if (wanted) return { text: wanted.join(', '), value: quoted(variable, wanted) };
  const all = variable.includeAll && variable.current.value === '$__all';
  if (!all) return { text: options[0], value: quoted(variable, options.slice(0, 1)) };
  return { text: 'All', value: variable.allValue || quoted(variable, options) };
}

// The values by name for queries, and a text for the heading. They are resolved in order, because a query may use an earlier variable.
export async function loadVariables(board, wanted, range) {
  const values = { datasource: 'prometheus' };
  const heading = [];
  for (const variable of board.templating.list) {
    if (variable.type === 'datasource') continue;
    if (variable.type !== 'query') throw new Error(`variable ${variable.name}: a ${variable.type} is not supported`);
    const { text, value } = await choose(variable, wanted[variable.name], range, values);
    values[variable.name] = value;
    heading.push(`${variable.label || variable.name}: ${text}`);
  }
  return { values, heading };
}

// The step in seconds of a panel of this width in pixels, and the variables derived from it.
export function timing(range, width, scrapeInterval) {
  const { interval, intervalMs } = rangeUtil.calculateInterval(range, Math.floor(width), scrapeInterval);
  const step = intervalMs / 1000;
  const scrape = rangeUtil.intervalToSeconds(scrapeInterval);
  const length = Math.round((range.to.valueOf() - range.from.valueOf()) / 1000);
  const values = {
    __interval: interval,
    __interval_ms: intervalMs,
    __rate_interval: `${Math.max(step + scrape, 4 * scrape)}s`,
    __url_time_range: `from=${range.from.valueOf()}&to=${range.to.valueOf()}`,
    __range: `${length}s`,
    __range_s: length,
    __range_ms: length * 1000,
  };
  return { step, values };
}
