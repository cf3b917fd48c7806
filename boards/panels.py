"""Panels with one look: numbers, bars, charts. Tables are in table.py."""
import string

from grafana_foundation_sdk.builders import bargauge, common, dashboard, prometheus, stat as stats, timeseries
from grafana_foundation_sdk.models import common as option
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models.prometheus import PromQueryFormat, QueryEditorMode

import style


def query(number, expression, legend, instant, table=False):
    """A query of a panel; the first has the letter A."""
    target = (prometheus.Dataquery().expr(expression).legend_format(legend).ref_id(string.ascii_uppercase[number])
              .datasource(style.DATASOURCE).editor_mode(QueryEditorMode.CODE)
              .format(PromQueryFormat.TABLE if table else PromQueryFormat.TIME_SERIES))
    return target.instant() if instant else target.range()


def prepare(panel, title, description, unit, steps=style.PLAIN, texts=(), missing=None, decimals=None):
    """What panels of every kind have. `missing` is shown in place of a value that is unknown."""
    panel.title(title).description(description).datasource(style.DATASOURCE).unit(unit)
    panel.thresholds(style.thresholds(steps)).mappings(style.mappings(dict(texts)))
    if missing is not None:
        panel.no_value(missing)
    return panel if decimals is None else panel.decimals(decimals)


def color(mode):
    return dashboard.FieldColor().mode(mode)


def last_value():
    return common.ReduceDataOptions().calcs(["lastNotNull"]).fields("").values(False)


def stat(title, description, expression, unit=style.COUNT, *, legend=None, filled=False, missing="unknown", **look):
    """One number. With a legend, the name of the series is above it."""
    panel = prepare(stats.Panel(), title, description, unit, missing=missing, **look)
    value = option.BigValueColorMode.BACKGROUND if filled else option.BigValueColorMode.VALUE
    return (panel.with_target(query(0, expression, legend or "__auto", instant=True))
            .color_scheme(color(model.FieldColorModeId.THRESHOLDS)).color_mode(value)
            .graph_mode(option.BigValueGraphMode.NONE).reduce_options(last_value()).orientation(option.VizOrientation.AUTO)
            .justify_mode(option.BigValueJustifyMode.CENTER if legend else option.BigValueJustifyMode.AUTO)
            .text_mode(option.BigValueTextMode.VALUE_AND_NAME if legend else option.BigValueTextMode.VALUE))


def bars(title, description, queries, unit, **look):
    """Horizontal bars, one for each series. `queries` are pairs of an expression and a legend."""
    panel = prepare(bargauge.Panel(), title, description, unit, decimals=0, **look)
    for number, (expression, legend) in enumerate(queries):
        panel.with_target(query(number, expression, legend, instant=True))
    return (panel.color_scheme(color(model.FieldColorModeId.THRESHOLDS)).min(0)
            .display_mode(option.BarGaugeDisplayMode.BASIC).value_mode(option.BarGaugeValueMode.COLOR)
            .orientation(option.VizOrientation.HORIZONTAL).name_placement(option.BarGaugeNamePlacement.TOP)
            .sizing(option.BarGaugeSizing.AUTO).show_unfilled(True)
            .min_viz_height(10).min_viz_width(8).max_viz_height(40).reduce_options(last_value())
            .text(common.VizTextDisplayOptions().title_size(13).value_size(15)))


def chart(title, description, queries, unit=style.COUNT, *, axis="", lines=None, logarithmic=False, **look):
    """Lines over time. `queries` are pairs of an expression and a legend; `lines` are thresholds to draw.

    A count has the name of what it counts on its `axis`."""
    panel = prepare(timeseries.Panel(), title, description, unit, lines or style.PLAIN, **look)
    for number, (expression, legend) in enumerate(queries):
        panel.with_target(query(number, expression, legend, instant=False))
    if axis:  # not as a default, which would name the axis of the time too
        panel.override_by_field_type("number", style.values(custom_axisLabel=axis))
    if logarithmic:
        panel.scale_distribution(common.ScaleDistributionConfig().type(option.ScaleDistribution.LOG).log(10))
    else:
        panel.axis_soft_min(0)
    shown = option.GraphThresholdsStyleMode.DASHED if lines else option.GraphThresholdsStyleMode.OFF
    return (panel.color_scheme(color(model.FieldColorModeId.PALETTE_CLASSIC)).draw_style(option.GraphDrawStyle.LINE)
            .line_width(2).fill_opacity(0).show_points(option.VisibilityMode.NEVER).span_nulls(False)
            .thresholds_style(common.GraphThresholdsStyleConfig().mode(shown))
            .legend(common.VizLegendOptions().display_mode(option.LegendDisplayMode.LIST)
                    .placement(option.LegendPlacement.BOTTOM).show_legend(True).calcs([]))
            .tooltip(common.VizTooltipOptions().mode(option.TooltipDisplayMode.MULTI).sort(option.SortOrder.DESCENDING)))


def stacked(panel, opacity=40):
    """Areas on top of each other, for parts of a whole."""
    panel.stacking(common.StackingConfig().mode(option.StackingMode.NORMAL).group("A"))
    return panel.line_width(1).fill_opacity(opacity)


def bar_chart(panel):
    return stacked(panel, 60).draw_style(option.GraphDrawStyle.BARS)


def colored(panel, name, shade, **properties):
    """A fixed colour for one series."""
    return panel.override_by_name(name, style.values(color=style.fixed(shade), **properties))


def limit(panel, name, shade="red"):
    """A series drawn as a dashed line across the others."""
    dash = {"fill": "dash", "dash": [10, 10]}
    return colored(panel, name, shade, custom_stacking={"group": "limit", "mode": "none"}, custom_fillOpacity=0,
                   custom_lineWidth=2, custom_lineStyle=dash)
