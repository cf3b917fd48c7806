"""The firing alerts, with links to their runbooks. The table reads ALERTS, which every ruler of Prometheus or VictoriaMetrics
writes: it needs neither Alertmanager nor Grafana's alerting."""
import pathlib
import re

import style
import table
from table import Column

RULES = pathlib.Path("alerts/pgcommons.yml")
LABELS = "alertname, severity, server, datname, rolname"
SEVERITIES = {"critical": "red", "warning": "orange", "info": "blue"}


def runbooks():
    """The page of the runbooks, and the anchor of each alert. Grafana cannot write a name in lower case."""
    found = re.findall(r"- alert: (\w+)$.*?runbook_url: (\S+)#(\S+)$", RULES.read_text(), re.DOTALL | re.MULTILINE)
    pages = {page for _, page, _ in found}
    assert len(pages) == 1 and len(found) == RULES.read_text().count("- alert: "), pages
    return pages.pop(), {alert: (anchor, "text") for alert, _, anchor in found}


def firing(scope, metric="ALERTS"):
    """The alerts of these servers and databases, then those of a whole server or agent, which have fewer labels."""
    state = ['alertname=~"Pgcommons.*"'] + (['alertstate="firing"'] if metric == "ALERTS" else [])
    scopes = [[scope.server, scope.database], *([[scope.server, 'datname=""']] if scope.database else []), ['server=""']]
    return " or ".join(f"{metric}{{{', '.join(filter(None, [*state, *chosen]))}}}" for chosen in scopes)


def ranked(expression):
    """Replaces severities by numbers, because a table sorts names by the alphabet."""
    for rank, severity in enumerate(SEVERITIES):
        expression = f'label_replace({expression}, "severity", "{rank}", "severity", "{severity}")'
    return expression


def alerts(scope, hide=()):
    """`hide`: labels that are the same for all alerts of the board."""
    page, anchors = runbooks()
    now = f"max by ({LABELS}) ({firing(scope)})"
    since = f"time() - max by ({LABELS}) ({firing(scope, 'ALERTS_FOR_STATE')}) and on ({LABELS}) {now}"
    named = f'label_replace({ranked(now)}, "runbook", "$1", "alertname", "(.*)")'
    severities = dict(enumerate(SEVERITIES.items()))
    columns = [
        Column("Severity", label="severity", width=85, texts=severities),
        Column("Alert", named, label="alertname", link=f"{page}#${{__data.fields.Runbook.text}}", link_title="Runbook"),
        Column("Server", label="server", width=110),
        Column("Database", label="datname", width=110),
        Column("Role", label="rolname", width=90),
        Column("Active for", ranked(since), unit=style.SECONDS, decimals=0, width=95),
        Column("Runbook", label="runbook", texts=anchors, hidden=True),
    ]
    columns = [column for column in columns if column.label not in hide]
    return table.table(
        "Firing alerts", "Alerts that fire now; the name of an alert is a link to its runbook. Active for includes the time before it "
        "fired. Needs the rules of pgcommons.", columns, order=[("Severity", False), ("Active for", True)], hide=hide,
        missing="no alert fires")
