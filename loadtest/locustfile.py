"""Locust's side: `locust -f loadtest/locustfile.py`, headless or with its page. See docs/capacity.md.

A user is a batch of connections that a swarm holds (`loadtest/swarm`); the shape is the scenario.
"""

import signal
import sys
from typing import Any

import gevent
from locust import LoadTestShape, User, constant, events, task
from locust.env import Environment
from locust.runners import LocalRunner

from loadtest import progress
from loadtest.conductor import Conductor, now
from loadtest.options import Options, add_arguments
from loadtest.sampling import Parts
from loadtest.thresholds import BROKEN, judge
from loadtest.trouble import Trouble

BAD_INPUT = 2
_conductors: list[Conductor] = []
"""The one of the test that runs, if one runs: Locust makes users and shape itself and gives them no other way here."""


class Batch(User):
    """So many connections, from coming in to going."""

    wait_time = constant(1)
    number: int | None = None

    def on_start(self) -> None:
        self.number = _conductors[0].board()
        try:
            _conductors[0].open(self.number)
        except Trouble as trouble:
            _conductors[0].troubles.append(str(trouble))

    @task
    def stay(self) -> None:
        """What they do is the swarm's; a user only has to be there."""

    def on_stop(self) -> None:
        if self.number is not None and _conductors:
            _conductors[0].leave(self.number)


class Plot(LoadTestShape):
    """The stages of the scenario."""

    def tick(self) -> tuple[int, float] | None:
        if not _conductors:
            return 0, 1.0
        try:
            return _conductors[0].tick(now())
        except Trouble as trouble:
            _conductors[0].troubles.append(str(trouble))
            return None


def on_parser(parser: Any, **_: object) -> None:
    add_arguments(parser)


def on_init(environment: Environment, **_: object) -> None:
    """Say at once what is wrong, instead of in the middle of a run."""
    try:
        if not isinstance(environment.runner, LocalRunner):
            raise Trouble("one Locust drives all swarms here: use --swarms instead of --master, --worker, --processes")
        assert environment.parsed_options is not None
        Parts.read(Options.of(environment.parsed_options).parts)
    except Trouble as trouble:
        sys.stderr.write(f"loadtest: {trouble}\n")
        sys.exit(BAD_INPUT)
    # A KeyboardInterrupt goes to whichever greenlet runs just then, and some of Locust's own swallow it.
    gevent.signal_handler(signal.SIGINT, _interrupted, environment)


def _interrupted(environment: Environment) -> None:
    """End the test, if one runs, and then Locust, with all its reports."""
    if environment.runner is not None:
        environment.runner.stop()
        # Locust calls a test stopped before its verdict is found, and would end in the middle of it.
        while _conductors:
            gevent.sleep(0.1)
        environment.runner.quit()
    if environment.web_ui is not None:
        environment.web_ui.stop()


def on_test_start(environment: Environment, **_: object) -> None:
    """From the command line or from the page, with what stands there now."""
    assert environment.parsed_options is not None and environment.runner is not None
    try:
        conductor = Conductor(Options.of(environment.parsed_options), environment)
    except Trouble as trouble:
        sys.stderr.write(f"loadtest: {trouble}\n")
        environment.process_exit_code = BAD_INPUT
        # On its page somebody may mend it and begin again.
        gevent.spawn(environment.runner.quit if environment.parsed_options.headless else environment.runner.stop)
        return
    _conductors[:] = [conductor]
    # Whatever keeps the verdict from being found, that is no success.
    environment.process_exit_code = BROKEN
    gevent.spawn(_prepare, conductor)
    gevent.spawn(progress.tell, conductor, environment)


def _prepare(conductor: Conductor) -> None:
    try:
        conductor.prepare()
    except Trouble as trouble:
        conductor.troubles.append(str(trouble))


def on_test_stopping(environment: Environment, **_: object) -> None:
    if _conductors:
        _conductors[0].settle()


def on_test_stop(environment: Environment, **_: object) -> None:
    """The verdict: lines for a person, a status for whoever started it."""
    if not _conductors:
        return
    conductor = _conductors[0]
    conductor.end()
    outcome = conductor.outcome()
    status, lines = judge(conductor.options.thresholds, outcome)
    environment.process_exit_code = status
    sys.stdout.write("\n".join(["", *progress.summary(conductor), *lines, ""]) + "\n")
    sys.stdout.write(f"{'PASSED' if not status else 'FAILED'}: {conductor.options.scenario}\n")
    sys.stdout.flush()
    conductor.recorder.write(environment.stats, outcome, lines)
    _conductors.clear()


events.init_command_line_parser.add_listener(on_parser)
events.init.add_listener(on_init)
events.test_start.add_listener(on_test_start)
events.test_stopping.add_listener(on_test_stopping)
events.test_stop.add_listener(on_test_stop)
