// Applies the settings of a dashboard to its data: transformations, units, thresholds, mappings, overrides.
import {
  applyFieldOverrides,
  booleanOverrideProcessor,
  cacheFieldDisplayNames,
  displayNameOverrideProcessor,
  FieldConfigOptionsRegistry,
  identityOverrideProcessor,
  numberOverrideProcessor,
  standardTransformers,
  standardTransformersRegistry,
  stringOverrideProcessor,
  thresholdsOverrideProcessor,
  transformDataFrame,
  unitOverrideProcessor,
  valueMappingsOverrideProcessor,
} from '@grafana/data';

// Grafana registers these in its application, which is not available as a package.
const STANDARD = {
  unit: unitOverrideProcessor,
  min: numberOverrideProcessor,
  max: numberOverrideProcessor,
  decimals: numberOverrideProcessor,
  displayName: displayNameOverrideProcessor,
  noValue: stringOverrideProcessor,
  thresholds: thresholdsOverrideProcessor,
  mappings: valueMappingsOverrideProcessor,
  color: identityOverrideProcessor,
  links: identityOverrideProcessor,
  filterable: booleanOverrideProcessor,
};

standardTransformersRegistry.setInit(() => {
  const transformers = Object.values(standardTransformers).filter(({ id }) => id);
  const byId = new Map(transformers.map((transformation) => [transformation.id, transformation]));
  return [...byId.values()].map((transformation) => ({ ...transformation, transformation }));
});

// The standard properties, and the properties of the panel type that the dashboard sets.
function registry({ defaults, overrides }) {
  const known = new FieldConfigOptionsRegistry();
  const register = (id, path, process, isCustom) =>
    known.register({ id, path, name: id, process, isCustom, shouldApply: () => true, settings: {} });
  for (const [id, process] of Object.entries(STANDARD)) register(id, id, process, false);
  const overridden = overrides.flatMap(({ properties }) => properties.map(({ id }) => id));
  const named = overridden.filter((id) => id.startsWith('custom.')).map((id) => id.slice('custom.'.length));
  for (const path of new Set([...Object.keys(defaults.custom ?? {}), ...named]))
    register(`custom.${path}`, path, identityOverrideProcessor, true);
  const unknown = overridden.find((id) => !known.getIfExists(id));
  if (unknown) throw new Error(`an override names ${unknown}, which is not supported`);
  return known;
}

const transform = (transformations, frames, fillIn) =>
  new Promise((resolve, reject) => {
    transformDataFrame(transformations, frames, { interpolate: fillIn }).subscribe({ next: resolve, error: reject });
  });

export async function prepare({ transformations = [], fieldConfig }, frames, { fillIn, theme, timeZone }) {
  const data = applyFieldOverrides({
    data: await transform(transformations, frames, fillIn),
    fieldConfig,
    fieldConfigRegistry: registry(fieldConfig),
    replaceVariables: fillIn,
    theme,
    timeZone,
  });
  cacheFieldDisplayNames(data);
  return data;
}
