"""`make trials`: run trials at their full figures and write what came out; ARGS="--help" says what else there is."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from functools import partial

import psycopg

from tests.support.services import SERVER, Missing, postgresql
from tests.trials import report
from tests.trials.registry import all_trials
from tests.trials.trial import BOTH, Conditions, Trial
from tests.trials.watch import Watch


def main() -> int:
    """Everything that was asked for. Returns 1 where a trial failed, or did not fail on a broken portal."""
    trials = all_trials()
    asked = arguments(list(trials))
    try:
        server = postgresql() if "postgresql" in asked.database else None
        os.environ[SERVER] = server.__enter__() if server else ""
    except Missing as missing:
        sys.exit(f"{missing}; --database sqlite does without.")
    try:
        chosen = [trials[name] for name in asked.only]
        return show_broken(chosen, asked) if asked.broken else try_all(chosen, trials, asked)
    finally:
        if server:
            server.__exit__(None, None, None)


def arguments(names: Sequence[str]) -> argparse.Namespace:
    """What was asked for on the command line."""
    parser = argparse.ArgumentParser(prog="make trials", description=__doc__)
    parser.add_argument("only", nargs="*", metavar="TRIAL", help=f"of {', '.join(names)}; all unless named")
    parser.add_argument("--database", choices=BOTH, action="append", help="both unless named")
    parser.add_argument("--short", action="store_true", help="the short forms, which are printed alone")
    parser.add_argument("--count", type=int, help="this many instead; printed alone")
    parser.add_argument("--seed", type=int, default=1, help="another choice of what is random")
    parser.add_argument("--broken", action="store_true", help="show each trial failing on a portal broken for it")
    asked = parser.parse_args()
    if unknown := set(asked.only) - set(names):
        parser.error(f"no such trial: {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    asked.only = asked.only or list(names)
    asked.database = asked.database or list(BOTH)
    return asked


def databases_of(trial: Trial, asked: argparse.Namespace) -> list[str]:
    """Those that the trial needs and that were asked for."""
    return [database for database in trial.databases if not database or database in asked.database]


def try_all(chosen: Sequence[Trial], trials: dict[str, Trial], asked: argparse.Namespace) -> int:
    """Run the trials and tell what came out. Full runs are kept."""
    full = not asked.short and asked.count is None
    results, watches = [], {database: Watch() for database in ("", *BOTH)}
    for trial in chosen:
        count = asked.count or (trial.short if asked.short else trial.full)
        for database in databases_of(trial, asked):
            where = f"{trial.name}{', ' if database else ''}{database}"
            tell(f"{where}: {count:,} {trial.unit}")
            conditions = Conditions(database, count, full, asked.seed, partial(tell_of, where), watches[database])
            began = time.monotonic()
            outcome = trial.run(conditions)
            results.append(report.result_of(trial, database, count, outcome, time.monotonic() - began))
            tell(f"{where}: {results[-1].verdict}, {results[-1].seconds:,.1f} s")
            for failure in outcome.failures[:20]:
                tell(f"    {failure}")
            if full:
                report.keep(results[-1:], trials, report.versions(server_version(asked)))
    tell("\n" + report.table(results, trials))
    return int(any(result.failures for result in results))


def show_broken(chosen: Sequence[Trial], asked: argparse.Namespace) -> int:
    """Run each trial's short form on a portal that is broken for it, in each of its ways; each must fail."""
    blind = 0
    for trial in chosen:
        for what, breaking in trial.broken.items():
            database = databases_of(trial, asked)[0]
            with breaking():
                outcome = trial.run(Conditions(database, trial.short, seed=asked.seed, first=True))
            blind += not outcome.failures and not outcome.left_out
            says = outcome.left_out or "NOT SEEN"
            if outcome.failures:
                says = f"{len(outcome.failures)} failures, such as {outcome.failures[0]}"
            tell(f"{trial.name}, {what}: {says}")
    return int(blind > 0)


def server_version(asked: argparse.Namespace) -> str:
    """PostgreSQL's release; empty where it takes no part."""
    if "postgresql" not in asked.database:
        return ""
    with psycopg.connect(os.environ[SERVER].replace("postgresql+psycopg:", "postgresql:")) as connection:
        return str(connection.execute("SHOW server_version").fetchone()[0]).split()[0]


def tell(words: str) -> None:
    """Say how far it is."""
    print(words, flush=True)


def tell_of(where: str, words: str) -> None:
    """Say how far a trial is."""
    tell(f"{where}: {words}")


if __name__ == "__main__":
    sys.exit(main())
