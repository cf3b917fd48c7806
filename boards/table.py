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
# Without a text, because a longer text leaves less room for the bar: 182 % would be shorter than 96 %.
BAR = option.TableBarGaugeCellOptions(mode=option.BarGaugeDisplayMode.BASIC, value_display_mode=option.BarGaugeValueMode.HIDDEN)


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
    link_title: str = "Open ${__value.text}"
    hidden: bool = False
    rest: dict = dataclasses.field(default_factory=dict)

    def properties(self):
        texts = {"mappings": style.mappings(self.texts)} if self.texts else {}
        colors = {"thresholds": style.thresholds(self.steps).build()} if self.steps else {}
        cell = self.cell or (TEXT if self.steps or self.texts else None)
        link = {"links": [{"title": self.link_title, "url": self.link, "targetBlank": False}]} if self.link else {}
        plain = {"unit": self.unit, "decimals": self.decimals, "custom_cellOptions": cell, "custom_width": self.width}
        # Grafana 12 reads hideFrom, earlier versions hidden.
        hidden = {"custom_hidden": True, "custom_hideFrom": {"viz": True}} if self.hidden else {}
        plain = {name: value for name, value in plain.items() if value is not None}
        return {**plain, **texts, **colors, **link, **hidden, **self.rest}


def table(title, description, columns, *, order, hide=(), missing=""):
    """`order`: pairs of a column and whether it descends. `hide`: labels that are only for the join. Other labels follow."""
    queried = [column for column in columns if column.query]
    panel = panels.prepare(tables.Panel(), title, description, style.COUNT, missing=missing)
    for number, column in enumerate(queried):
        panel.with_target(panels.query(number, column.query, "__auto", instant=True, table=True))
    for column in columns:
        # The text for a table without rows is not for cells without a value.
        if properties := {**({"noValue": ""} if missing else {}), **column.properties()}:
            panel.override_by_name(column.title, style.values(**properties))
    for transformation in (model.DataTransformerConfig(id_val="merge", options={}), organized(columns, queried, hide)):
        panel.with_transformation(transformation)
    return (panel.color_scheme(panels.color(model.FieldColorModeId.THRESHOLDS)).cell_height(option.TableCellHeight.SM)
            .show_header(True).filterable(False)
            .sort_by([common.TableSortByFieldState().display_name(name).desc(descends) for name, descends in order]))


def organized(columns, queried, hide):
    """The names and the order of the columns, and what is left out."""
    letters = string.ascii_uppercase if len(queried) > 1 else [""]
    letters = {id(column): f"Value #{letter}".rstrip(" #") for letter, column in zip(letters, queried)}
    names = {column.label or letters[id(column)]: column.title for column in columns}
    unused = [letters[id(column)] for column in queried if column.label]
    return model.DataTransformerConfig(id_val="organize", options={
        "excludeByName": dict.fromkeys(["Time", *hide, *unused], True),
        "indexByName": {name: index for index, name in enumerate(names)},
        "renameByName": names,
    })
