"""check-operator.py MANIFESTS: validates the kinds of Prometheus Operator, and prints the other documents.

The operator's types accept unknown fields and drop them. So a field that is missing in their output is an error.
"""

import sys

import yaml
from cloudcoil.models.prometheus_operator import v1

GROUP = "monitoring.coreos.com/"


def lost(given, kept, path="") -> list[str]:
    """The paths of all values in `given` that are not in `kept`."""
    if isinstance(given, dict) and isinstance(kept, dict):
        pairs = [(f"{path}.{key}", value, kept.get(key)) for key, value in given.items()]
    elif isinstance(given, list) and isinstance(kept, list):
        pairs = [(f"{path}[{n}]", *pair) for n, pair in enumerate(zip(given, kept))]
    else:
        return [] if given == kept else [path]
    return [each for path, *pair in pairs for each in lost(*pair, path)]


def check(document) -> None:
    model = getattr(v1, document["kind"]).model_validate(document)
    unknown = lost(document, model.model_dump(mode="json", by_alias=True, exclude_none=True))
    if unknown:
        sys.exit(f"{document['kind']} {document['metadata']['name']} has fields that the operator does not know: {unknown}")


def main() -> None:
    with open(sys.argv[1], encoding="utf-8") as file:
        documents = list(yaml.safe_load_all(file))
    operators = [each for each in documents if each["apiVersion"].startswith(GROUP)]
    if not operators:
        sys.exit(f"{sys.argv[1]}: no kind of Prometheus Operator")
    for document in operators:
        check(document)
    yaml.safe_dump_all([each for each in documents if each not in operators], sys.stdout)


main()
