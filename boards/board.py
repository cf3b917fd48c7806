"""The frame of a board: its variables, annotations, links to the other boards, and the layout of its rows."""
from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.models import dashboard as model

import style

COLUMNS = 24
PATHS = {"Fleet": "pgcommons-fleet", "Shared server": "pgcommons-server", "Tenant": "pgcommons-tenant", "Agent": "pgcommons-agent",
         "Capacity": "pgcommons-capacity"}


def path(title, *kept, **variables):
    """The address of a board. The variables in `kept` keep their values."""
    kept = "".join(f"&${{{name}:queryparam}}" for name in kept)
    return f"/d/{PATHS[title]}?${{datasource:queryparam}}{kept}" + "".join(
        f"&var-{name}=${{{value}:percentencode}}" for name, value in variables.items())


def row(height, *panels, widths=None):
    """Panels side by side, of equal width or of these widths."""
    widths = widths or [COLUMNS // len(panels)] * len(panels)
    assert len(widths) == len(panels) and sum(widths) == COLUMNS, [panel.build().title for panel in panels]
    return [panel.height(height).span(width) for panel, width in zip(panels, widths)]


def board(title, description, *, rows, variables, links, annotations, since="now-6h"):
    """`variables` are names of queries; `links` are the other boards, with the variables that they keep."""
    result = (build.Dashboard(f"pgcommons / {title}").uid(PATHS[title]).description(description)
              .tags(["pgcommons", "postgresql"]).editable().tooltip(model.DashboardCursorSync.CROSSHAIR)
              .refresh("30s").time(since, "now").timezone("browser").version(1))
    result.with_variable(build.DatasourceVariable("datasource").label("Data source").type("prometheus"))
    for variable in variables:
        result.with_variable(variable)
    for annotation in annotations:
        result.annotation(annotation)
    for name, kept in links.items():
        result.link(build.DashboardLink(name).url(path(name, *kept)).icon("dashboard").keep_time(True))
    for number, panel in enumerate((panel for panels in rows for panel in panels), start=1):
        result.with_panel(panel.id(number))
    built = result.build()
    titles = [panel.title for panel in built.panels]
    assert len(titles) == len(set(titles)), titles
    return built


def chosen(name, label, query):
    """A variable with the values of a label."""
    return (build.QueryVariable(name).label(label).query(query).datasource(style.DATASOURCE)
            .refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED).sort(model.VariableSort.ALPHABETICAL_ASC))


def one_server():
    return chosen("server", "Server", "label_values(pgcommons_polls_total, server)")


def servers():
    return one_server().multi(True).include_all(True).all_value(".+").current(model.VariableOption(text="All", value="$__all"))


def database():
    return chosen("datname", "Database", 'label_values(pg_database_connection_limit{server="$server"}, datname)')


class PrometheusAnnotation(model.AnnotationQuery):
    """The SDK has only the fields that annotations of every data source have."""

    def to_json(self):
        return {**super().to_json(), **self.fields}


class Annotation(build.AnnotationQuery):
    def __init__(self, name, color, expression, title, label):
        self._internal = PrometheusAnnotation(name=name, datasource=style.DATASOURCE, icon_color=color, expr=expression,
                                              built_in=None)
        self._internal.fields = {"step": "60s", "useValueForTime": True, "titleFormat": title, "tagKeys": label, "textFormat": ""}


def started(time):
    """The times at which this time of a start was new. changes() would count a new series on VictoriaMetrics."""
    return f"1000 * {time} and max_over_time({time}[15m]) > min_over_time({time}[15m])"


def restarts(scope):
    time = started(scope.series("pg_postmaster_start_time_seconds"))
    return Annotation("Restarts of PostgreSQL", "purple", f"max by (server) ({time})", "{{server}} was started", "server")


def crashes(scope):
    """The time of the last crash. It has no series before the first."""
    time = scope.max("server", "pgcommons_server_last_crash_timestamp_seconds")
    return Annotation("Crashes of PostgreSQL", "red", f"1000 * ({time} > time() - 900)", "{{server}} crashed", "server")


def agent_starts():
    time = f"{started('process_start_time_seconds')} and on (job, instance) pgcommons_build_info"
    return Annotation("Starts of the agent", "blue", f"max by (job, instance) ({time})", "Agent {{instance}} was started", "instance")
