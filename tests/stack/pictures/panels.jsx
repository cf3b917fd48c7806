// Grafana's components, one for each panel type, with the settings that Grafana's panels pass to them.
import { getDisplayValueAlignmentFactors, getFieldDisplayValues } from '@grafana/data';
import { BarGauge, BigValue, TimeSeries, VizRepeater } from '@grafana/ui';
import { TableNG } from '@grafana/ui/unstable';

function Chart({ panel, data, width, height, setting }) {
  return (
    <TimeSeries
      frames={data}
      structureRev={1}
      timeRange={setting.range}
      timeZone={setting.timeZone}
      width={width}
      height={height}
      legend={panel.options.legend}
      options={panel.options}
      replaceVariables={setting.fillIn}
    />
  );
}

function Rows({ panel, data, width, height, setting }) {
  return (
    <TableNG
      data={data[0]}
      width={width}
      height={height}
      noHeader={!panel.options.showHeader}
      cellHeight={panel.options.cellHeight}
      initialSortBy={panel.options.sortBy}
      structureRev={1}
      timeRange={setting.range}
      fieldConfig={panel.fieldConfig}
      getActions={() => []}
      enableVirtualization={false}
      disableSanitizeHtml={false}
      transparent={false}
    />
  );
}

function Repeated({ panel, data, width, height, setting, ...rest }) {
  const { reduceOptions, orientation, graphMode } = panel.options;
  const values = () =>
    getFieldDisplayValues({
      data,
      reduceOptions,
      fieldConfig: panel.fieldConfig,
      replaceVariables: setting.fillIn,
      theme: setting.theme,
      sparkline: (graphMode ?? 'none') !== 'none',
      timeZone: setting.timeZone,
    });
  return (
    <VizRepeater
      source={data}
      renderCounter={0}
      getValues={values}
      getAlignmentFactors={getDisplayValueAlignmentFactors}
      orientation={orientation}
      width={width}
      height={height}
      {...rest}
    />
  );
}

function Stat(props) {
  const { colorMode, graphMode, justifyMode, textMode, wideLayout, text } = props.panel.options;
  const one = ({ value, ...shape }) => (
    <BigValue
      value={value.display}
      sparkline={value.sparkline}
      theme={props.setting.theme}
      {...{ colorMode, graphMode, justifyMode, textMode, wideLayout, text }}
      {...shape}
    />
  );
  return <Repeated {...props} renderValue={one} itemSpacing={3} autoGrid />;
}

function Bars(props) {
  const { displayMode, showUnfilled, valueMode, namePlacement, text } = props.panel.options;
  const { minVizWidth, minVizHeight, maxVizHeight } = props.panel.options;
  const one = ({ value, ...shape }) => (
    <BarGauge
      value={value.display}
      field={value.field}
      display={value.view?.getFieldDisplayProcessor(value.colIndex)}
      theme={props.setting.theme}
      itemSpacing={10}
      valueDisplayMode={valueMode}
      isOverflow={false}
      {...{ displayMode, showUnfilled, namePlacement, text }}
      {...shape}
    />
  );
  return <Repeated {...props} renderValue={one} itemSpacing={10} {...{ minVizWidth, minVizHeight, maxVizHeight }} />;
}

function Nothing({ panel }) {
  const style = { height: '100%', display: 'grid', placeContent: 'center' };
  return <div style={style}>{panel.fieldConfig.defaults.noValue || 'No data'}</div>;
}

export const isEmpty = (data) => data.every(({ length }) => length === 0);

const KINDS = { timeseries: Chart, table: Rows, stat: Stat, bargauge: Bars };
export const isKnown = ({ type }) => type in KINDS;

// Stats and bars show missing data themselves.
export function Content(props) {
  const { panel, data } = props;
  const Kind = isEmpty(data) && ['timeseries', 'table'].includes(panel.type) ? Nothing : KINDS[panel.type];
  return <Kind {...props} />;
}
