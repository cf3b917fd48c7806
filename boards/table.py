"""Tables: each column is a label or the value of a query. Queries are joined on the labels that they have in common."""
import dataclasses
import string

from grafana_foundation_sdk.builders import common, table as tables
from grafana_foundation_sdk.models import common as option
from grafana_foundation_sdk.models import dashboard as model

import panels
import style

TEXT = option.TableColorTextCellOptions()
BACKGROUND = option.TableColoredBackgroundCellOptions(mode=option.TableCellBackgroundDisplayMode.BASIC)
BAR = option.TableBarGaugeCellOptions(mode=option.BarGaugeDisplayMode.GRADIENT, value_display_mode=option.BarGaugeValueMode.TEXT)


@dataclasses.dataclass
class Column:
    """A query without a label shows its value. A label shows its text, and a query with it only adds the label."""

    title: str
    query: str = None
    label: str = None
    unit: str = None
    width: int = None
    decimals: int = None
    steps: tuple = None
    texts: dict = None
    cell: object = None
    link: str = None
    rest: dict = dataclasses.field(default_factory=dict)

    def properties(self):
        texts = {"mappings": style.mappings(self.texts)} if self.texts else {}
        colors = {"thresholds": style.thresholds(self.steps).build()} if self.steps else {}
        cell = self.cell or (TEXT if self.steps or self.texts else None)
        link = {"links": [{"title": "Open ${__value.text}", "url": self.link, "targetBlank": False}]} if self.link else {}
        plain = {"unit": self.unit, "decimals": self.decimals, "custom_cellOptions": cell, "custom_width": self.width}
        return {**{name: value for name, value in plain.items() if value is not None}, **texts, **colors, **link, **self.rest}


def table(title, description, columns, *, order, hide=()):
    """`order`: pairs of a column and whether it descends. `hide`: labels that are only for the join."""
    queried = [column for column in columns if column.query]
    panel = panels.prepare(tables.Panel(), title, description, style.COUNT, missing="")
    for number, column in enumerate(queried):
        panel.with_target(panels.query(number, column.query, "__auto", instant=True, table=True))
    for column in columns:
        if properties := column.properties():
            panel.override_by_name(column.title, style.values(**properties))
    for transformation in (model.DataTransformerConfig(id_val="merge", options={}), organized(columns, queried, hide)):
        panel.with_transformation(transformation)
    return (panel.color_scheme(panels.color(model.FieldColorModeId.THRESHOLDS)).cell_height(option.TableCellHeight.SM)
            .show_header(True).filterable(False)
            .sort_by([common.TableSortByFieldState().display_name(name).desc(descends) for name, descends in order]))


def organized(columns, queried, hide):
    """The names and the order of the columns, and what is left out."""
    letters = {id(column): f"Value #{letter}" for letter, column in zip(string.ascii_uppercase, queried)}
    names = {column.label or letters[id(column)]: column.title for column in columns}
    unused = [letters[id(column)] for column in queried if column.label]
    return model.DataTransformerConfig(id_val="organize", options={
        "excludeByName": dict.fromkeys(["Time", *hide, *unused], True),
        "indexByName": {name: index for index, name in enumerate(names)},
        "renameByName": names,
    })
