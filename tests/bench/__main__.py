"""``python3 dev.py bench``: runs the benchmarks, each against a floor or rival measured in the same run."""

import argparse
import importlib
import json
import pkgutil
import sys

import tests.bench as package


def names() -> list[str]:
    return sorted(
        module.name.removeprefix("bench_")
        for module in pkgutil.iter_modules(package.__path__)
        if module.name.startswith("bench_")
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="dev.py bench", description=__doc__)
    parser.add_argument("name", nargs="*", help=f"one or more of: {', '.join(names())}")
    parser.add_argument("--scale", choices=("small", "full"), default="full")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    unknown = set(options.name) - set(names())
    if unknown:
        parser.error(f"no benchmark called {', '.join(sorted(unknown))}")
    all_within = True
    for name in options.name or names():
        for line in importlib.import_module(f"tests.bench.bench_{name}").run(options.scale):
            all_within &= bool(line["ok"])
            if options.json:
                print(json.dumps(line), flush=True)
                continue
            within = "ok  " if line["ok"] else "OVER"
            print(
                f"{within} {line['name']:<46} {line['value']:>10.3f} {line['unit']:<8}"
                f" floor {line['floor']:>10.3f}  ratio {line['ratio']:>6.2f}  target {line['target']}",
                flush=True,
            )
    return 0 if all_within else 1


if __name__ == "__main__":
    sys.exit(main())
