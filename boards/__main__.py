"""Writes the files of dashboards/, or with --check fails if one of them differs. Run by scripts/boards."""
import json
import pathlib
import sys

from grafana_foundation_sdk.cog.encoder import JSONEncoder

import agent
import capacity
import fleet
import shared_server
import tenant

FOLDER = pathlib.Path("dashboards")
BOARDS = {"agent": agent, "capacity": capacity, "fleet": fleet, "shared-server": shared_server, "tenant": tenant}


def text(board):
    return json.dumps(board, cls=JSONEncoder, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def main(check):
    boards = {FOLDER / f"{name}.json": text(module.board()) for name, module in BOARDS.items()}
    if not check:
        for path, board in boards.items():
            path.write_text(board)
        return 0
    stale = [path for path, board in boards.items() if not path.exists() or path.read_text() != board]
    stale += sorted(set(FOLDER.iterdir()) - boards.keys())
    for path in stale:
        print(f"{path} is not what boards/ generates. Run `make boards`.", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] == ["--check"]))
