"""check-chart.py CHART KUSTOMIZED: the chart's Pod starts the agent as the manifests of kustomize do.

Compares what both have: arguments, ports, security contexts, probes, resources and mounts. The rules of a chart are those of
alerts/pgcommons.yml, and its boards those of dashboards/.
"""

import glob
import json
import os
import sys

import yaml


def documents(path):
    with open(path, encoding="utf-8") as file:
        return [each for each in yaml.safe_load_all(file) if each]


def of_kind(found, kind):
    return [each for each in found if each["kind"] == kind]


def pod(found):
    return of_kind(found, "Deployment")[0]["spec"]["template"]["spec"]


def same(chart, manifest):
    """Compares the Pods without what the user chooses."""
    for key in ("automountServiceAccountToken", "enableServiceLinks", "securityContext"):
        assert chart[key] == manifest[key], (key, chart[key], manifest[key])
    ours, theirs = chart["containers"][0], manifest["containers"][0]
    for key in ("name", "args", "ports", "securityContext", "resources", "livenessProbe", "readinessProbe", "volumeMounts", "image"):
        assert ours[key] == theirs[key], (key, ours[key], theirs[key])
    modes = [{each["name"]: each.get("secret", {}).get("defaultMode") for each in spec["volumes"]} for spec in (chart, manifest)]
    assert modes[0] == modes[1], modes


def main():
    chart, manifest, complete = map(documents, sys.argv[1:])
    same(pod(chart), pod(manifest))
    with open("alerts/pgcommons.yml", encoding="utf-8") as file:
        rules = yaml.safe_load(file)
    assert of_kind(complete, "PrometheusRule")[0]["spec"] == rules, "other rules"
    boards = {name: json.loads(text) for each in of_kind(complete, "ConfigMap") for name, text in each["data"].items()
              if name.endswith(".json")}
    for path in glob.glob("dashboards/*.json"):
        with open(path, encoding="utf-8") as file:
            assert boards.pop("pgcommons-" + os.path.basename(path)) == json.load(file), path
    assert not boards, boards.keys()


main()
