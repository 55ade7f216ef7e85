"""`make trials`: run trials at their full size and write the results; ARGS="--help" lists the options."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial

import psycopg

from tests.support.databases import DATABASES
from tests.support.missing import ServiceMissing
from tests.support.monitor import LeakMonitor
from tests.support.postgresql import SERVER_URL, shared_server
from tests.trials import report
from tests.trials.registry import all_trials
from tests.trials.trial import Conditions, Trial


def main() -> int:
    """Run the requested trials. Returns 1 if a trial failed, or did not detect a defect."""
    trials = all_trials()
    options = parse_arguments(list(trials))
    with ExitStack() as stack:
        try:
            needs_server = "postgresql" in options.database
            os.environ[SERVER_URL] = stack.enter_context(shared_server()) if needs_server else ""
        except ServiceMissing as missing:
            sys.exit(f"{missing}. To run without it, pass --database sqlite.")
        chosen = [trials[name] for name in options.only]
        return check_defects(chosen, options) if options.broken else run_trials(chosen, trials, options)


def parse_arguments(names: Sequence[str]) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(prog="make trials", description=__doc__)
    parser.add_argument("only", nargs="*", metavar="TRIAL", help=f"one or more of {', '.join(names)} (default: all)")
    parser.add_argument("--database", choices=DATABASES, action="append", help="default: both")
    parser.add_argument("--short", action="store_true", help="run the short forms and only print the results")
    parser.add_argument("--count", type=int, help="run with this size and only print the results")
    parser.add_argument("--seed", type=int, default=1, help="seed of the random choices")
    parser.add_argument("--broken", action="store_true", help="check that each trial detects its defects")
    options = parser.parse_args()
    if unknown := set(options.only) - set(names):
        parser.error(f"unknown trial: {', '.join(sorted(unknown))}; the trials are {', '.join(names)}")
    options.only = options.only or list(names)
    options.database = options.database or list(DATABASES)
    return options


def databases_of(trial: Trial, options: argparse.Namespace) -> list[str]:
    """Return the databases that the trial supports and the options allow."""
    return [database for database in trial.databases if not database or database in options.database]


def run_trials(chosen: Sequence[Trial], trials: dict[str, Trial], options: argparse.Namespace) -> int:
    """Run the trials and print the results. Results of full runs are stored."""
    full = not options.short and options.count is None
    results, monitors = [], {database: LeakMonitor() for database in ("", *DATABASES)}
    for trial in chosen:
        count = options.count or (trial.short if options.short else trial.full)
        for database in databases_of(trial, options):
            label = f"{trial.name}{', ' if database else ''}{database}"
            print_line(f"{label}: {count:,} {trial.unit}")
            progress = partial(print_progress, label)
            conditions = Conditions(database, count, full, options.seed, progress, monitors[database])
            started = time.monotonic()
            outcome = trial.run(conditions)
            results.append(report.result_of(trial, database, count, outcome, time.monotonic() - started))
            print_line(f"{label}: {results[-1].verdict}, {results[-1].seconds:,.1f} s")
            for failure in outcome.failures[:20]:
                print_line(f"    {failure}")
            if full:
                report.store(results[-1:], trials, report.describe_versions(server_version(options)))
    print_line("\n" + report.format_table(results, trials))
    return int(any(result.failures for result in results))


def check_defects(chosen: Sequence[Trial], options: argparse.Namespace) -> int:
    """Run each trial's short form on a portal with each of its defects. Returns 1 if a defect was not detected."""
    undetected = 0
    for trial in chosen:
        for description, defect in trial.defects.items():
            database = databases_of(trial, options)[0]
            with defect():
                outcome = trial.run(Conditions(database, trial.short, seed=options.seed, stop_at_first=True))
            undetected += not outcome.failures and not outcome.untested
            result = outcome.untested or "NOT DETECTED"
            if outcome.failures:
                result = f"{len(outcome.failures)} failures, such as {outcome.failures[0]}"
            print_line(f"{trial.name}, {description}: {result}")
    return int(undetected > 0)


def server_version(options: argparse.Namespace) -> str:
    """Return PostgreSQL's version; empty if no trial uses it."""
    if "postgresql" not in options.database:
        return ""
    with psycopg.connect(os.environ[SERVER_URL].replace("postgresql+psycopg:", "postgresql:")) as connection:
        return str(connection.execute("SHOW server_version").fetchone()[0]).split()[0]


def print_line(text: str) -> None:
    """Print a line at once."""
    print(text, flush=True)


def print_progress(label: str, message: str) -> None:
    """Print the progress of a trial."""
    print_line(f"{label}: {message}")


if __name__ == "__main__":
    sys.exit(main())
