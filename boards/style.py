"""What the boards share in their looks: the data source, units, thresholds, value texts."""
from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.models import dashboard as model

DATASOURCE = model.DataSourceRef(type_val="prometheus", uid="${datasource}")

COUNT = "short"
SHARE = "percentunit"
BYTES = "bytes"
BYTES_PER_SECOND = "Bps"
SECONDS = "s"
CLOCK = "dthms"
AGO = "dateTimeFromNow"  # of milliseconds since the epoch
PER_SECOND = "suffix:/s"
PER_MINUTE = "suffix:/min"

GREY = "#8e8e8e"
DARK_GREY = "#6e6e6e"

# Thresholds: the colour below the first value, then pairs of a value and the colour from there on.
PLAIN = ("text",)
UP = ("red", 1, "green")
FREE = ("red", 1, "orange", 5, "green")
WAITING = ("green", 1, "orange")
CEILING = ("green", 1.001, "orange")
LIMIT_USED = ("green", 0.8, "orange", 0.95, "red")
# A bar without a value has the first colour.
LIMIT_USED_BAR = ("transparent", 0, *LIMIT_USED)
QUOTA_USED = ("green", 0.85, "orange", 0.95, "red")
COMMITTED = ("green", 1.001, "orange")
POOLS = ("green", 1.001, "red")
AT_THE_LIMIT = ("green", 0.001, "orange", 60, "red")
LOST = ("green", 0.5, "orange", 5, "red")
ANY_IS_BAD = ("green", 1, "red")
ANY_IS_DOUBTFUL = ("green", 1, "orange")
DATA_AGE = ("green", 30, "orange", 60, "red")
BACKUP_AGE = ("green", 1, "red")
AVAILABLE = ("red", 0.05, "orange", 0.15, "green")
SAFE_WAL = ("red", 1, "text")
QUOTA_REACHED = ("red", 86400, "orange", 7 * 86400, "green")
# Lines across a chart.
SHARE_LINES = ("transparent", 0.8, "orange", 1, "red")
HOUR_LINE = ("transparent", 3600, "orange")
STATEMENT_LINE = ("transparent", 1800, "orange")
MACHINE_LINE = ("transparent", 0.9, "orange")

STATE = {0: ("DOWN", "red"), 1: ("up", "green")}
QUOTA_REACHED_TEXTS = {-1: ("needs 6 h of data", "text"), -2: ("> 1 year", "green"), 0: ("reached", "red")}

# In the order in which servers need attention.
SERVER_STATE = {0: ("DOWN", "red"), 1: ("NO DATA", "purple"), 2: ("FULL", "red"), 3: ("no privilege", "orange"), 4: ("up", "green")}


WAL_STATUS = {status: (status, color) for status, color in (
    ("reserved", "green"), ("extended", "orange"), ("unreserved", "red"), ("lost", "red"))}


def yes_or_no(yes, no):
    """Texts with the colours of the two answers."""
    return {1: ("yes", yes), 0: ("no", no)}


def thresholds(steps):
    values = (None, *steps[1::2])
    steps = [model.Threshold(color=color, value=value) for color, value in zip(steps[::2], values, strict=True)]
    return build.ThresholdsConfig().mode(model.ThresholdsMode.ABSOLUTE).steps(steps)


def mappings(texts):
    """Texts by value: {0: ("DOWN", "red")}."""
    options = {str(value): model.ValueMappingResult(text=text, color=color, index=index)
               for index, (value, (text, color)) in enumerate(texts.items())}
    return [model.ValueMap(options=options)] if texts else []


def fixed(color):
    return model.FieldColor(mode=model.FieldColorModeId.FIXED, fixed_color=color)


def values(**properties):
    """Properties of an override. The SDK has no names for them: `custom_width` is `custom.width`."""
    return [model.DynamicConfigValue(id_val=name.replace("custom_", "custom.", 1), value=value)
            for name, value in properties.items()]
