"""Run recipes and check their expected scores.

`python scripts/reproduce.py RECIPE ...` trains each recipe with its own seed on the real data and compares every test score
with the expected one. The exit code is 1 if a difference exceeds the tolerance. `zoo.load_data` finds the data.
"""

from __future__ import annotations

import sys
import tempfile

import zoo
from zoo import registry


def reproduce(name: str) -> bool:
    """Run one recipe; return whether every score is as expected."""
    expected = zoo.info(name)
    model, _, data = name.partition("@")
    with tempfile.TemporaryDirectory() as folder:
        run = zoo.train(model, data=data, out=folder, baseline=False)
        found = run.metrics
        seconds = run.content["timings"]["fit_s"]
    is_good = True
    for score, value in expected.expected.items():
        distance = abs(found[score] - value)
        is_near = distance <= expected.tolerance
        is_good &= is_near
        verdict = "as expected" if is_near else "NOT as expected"
        print(
            f"{name}: {score} {found[score]:.4f}, expected {value:g} with tolerance {expected.tolerance:g}: {verdict} "
            f"(training took {seconds:.0f} s)"
        )
    return is_good


def main(names: list[str]) -> int:
    """Run the recipes; without names, list them."""
    if not names:
        print("Name at least one recipe: " + ", ".join(registry.list_recipes()))
        return 2
    for name in names:
        if name not in registry.list_recipes():  # fail before training
            raise zoo.UnknownNameError("recipe", name, registry.list_recipes())
    verdicts = [reproduce(name) for name in names]  # run all of them, even if one fails
    return 0 if all(verdicts) else 1


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except zoo.ZooError as error:
        print(f"Error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
