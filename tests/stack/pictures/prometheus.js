// Queries Prometheus's HTTP API and converts the results to data frames like Grafana's data source.
import { FieldType, toDataFrame } from '@grafana/data';

const seconds = (time) => time.valueOf() / 1000;
const number = (text) => ({ '+Inf': Infinity, '-Inf': -Infinity })[text] ?? Number(text);

async function ask(path, request) {
  const response = await fetch(`/api/v1/${path}`, request);
  const answer = await response.json();
  if (answer.status !== 'success') throw new Error(answer.error);
  return answer.data;
}

const query = async (path, parameters) => (await ask(path, { method: 'POST', body: new URLSearchParams(parameters) })).result;

export function labelValues(label, selector, range) {
  const parameters = new URLSearchParams({ start: seconds(range.from), end: seconds(range.to) });
  if (selector) parameters.set('match[]', selector);
  return ask(`label/${label}/values?${parameters}`);
}

// Undefined: Grafana builds the name from the labels that differ.
function seriesName({ legendFormat }, labels) {
  if (legendFormat === '__auto') return undefined;
  if (legendFormat) return legendFormat.replace(/\{\{\s*(\w+)\s*\}\}/g, (_, label) => labels[label] ?? '');
  const pairs = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
  return `{${pairs.join(', ')}}`;
}

function seriesFrame(target, labels, samples, interval) {
  const name = seriesName(target, labels);
  return toDataFrame({
    refId: target.refId,
    name,
    fields: [
      { name: 'Time', type: FieldType.time, config: { interval }, values: samples.map(([time]) => time * 1000) },
      {
        name: 'Value',
        type: FieldType.number,
        labels,
        config: { displayNameFromDS: name },
        values: samples.map(([, value]) => number(value)),
      },
    ],
  });
}

// One row per series and one column per label. The name of the value column distinguishes the queries of a panel.
function tableFrame(target, series, isOnlyQuery) {
  const labels = [...new Set(series.flatMap(({ metric }) => Object.keys(metric)))].sort();
  const text = (label) => ({ name: label, type: FieldType.string, values: series.map(({ metric }) => metric[label] ?? '') });
  const name = isOnlyQuery ? 'Value' : `Value #${target.refId}`;
  return toDataFrame({
    refId: target.refId,
    fields: [
      { name: 'Time', type: FieldType.time, values: series.map(({ value }) => value[0] * 1000) },
      ...labels.map(text),
      { name, type: FieldType.number, values: series.map(({ value }) => number(value[1])) },
    ],
  });
}

async function instantFrames(target, expr, range, isOnlyQuery) {
  const series = await query('query', { query: expr, time: seconds(range.to) });
  if (target.format !== 'table') return series.map(({ metric, value }) => seriesFrame(target, metric, [value]));
  return series.length ? [tableFrame(target, series, isOnlyQuery)] : [];
}

async function rangeFrames(target, expr, range, step) {
  if (target.format === 'table') throw new Error('a table of a range is not supported');
  const aligned = (time) => Math.floor(seconds(time) / step) * step;
  const series = await query('query_range', { query: expr, start: aligned(range.from), end: aligned(range.to), step });
  return series.map(({ metric, values }) => seriesFrame(target, metric, values, step * 1000));
}

export async function panelFrames(panel, range, step, fillIn) {
  const frames = (target) =>
    target.instant
      ? instantFrames(target, fillIn(target.expr), range, panel.targets.length === 1)
      : rangeFrames(target, fillIn(target.expr), range, step);
  return (await Promise.all(panel.targets.filter(({ hide }) => !hide).map(frames))).flat();
}
