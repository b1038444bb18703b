"""A test that fails while the machine stands still says nothing about us: it is void, and run once more.

A machine shared with others is taken away now and then, for a second or two.  Whatever deadline ran meanwhile has
passed, and no deadline that anybody would wait for excludes that.  So a thread in each test process naps and notes
when it was woken late.  A test that failed with such a gap in it is shown as R, its fixtures are taken down to the
last, and it begins anew; the second verdict counts, whatever happens.  A failure on a calm machine is never repeated:
that would hide the flaws that show now and then.  `docs/decisions/0017-void-tests.md` has the alternatives.
"""

import threading
import time
from collections.abc import Generator

import pytest

NAP_SECONDS = 0.05
LIMIT_SECONDS = 0.25
"""A gap that some deadline of a test may not survive; a busy machine wakes sleepers far sooner."""


class Watch:
    """How long the machine stood still, by what a clock showed at each look and at the look before.

    What this process worked itself is no standing still: a thread is woken late also while another one is deep in C
    and holds the interpreter.
    """

    def __init__(self, *, wall: float, cpu: float) -> None:
        self._wall, self._cpu = wall, cpu
        self._seconds = 0.0

    def look(self, *, wall: float, cpu: float) -> float:
        """Seconds of all gaps up to now."""
        gap = (wall - self._wall) - (cpu - self._cpu) - NAP_SECONDS
        if gap > LIMIT_SECONDS:
            self._seconds += gap
        self._wall, self._cpu = wall, cpu
        return self._seconds


class Watchman:
    """Looks at the clock between naps, and whenever somebody asks: the test may be awake before the thread is."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._watch = Watch(wall=time.monotonic(), cpu=time.process_time())
        threading.Thread(target=self._naps, name="watchman", daemon=True).start()

    def seconds(self) -> float:
        """For how long the machine stood still since the watch began."""
        with self._turn:
            return self._watch.look(wall=time.monotonic(), cpu=time.process_time())

    def _naps(self) -> None:
        while True:
            time.sleep(NAP_SECONDS)
            self.seconds()


WATCHMAN = pytest.StashKey[Watchman]()
BEGAN = pytest.StashKey[float]()
"""What the watchman had counted when the test began."""
VOID = pytest.StashKey[bool]()
"""Set when the first attempt is void; False during the second."""


def pytest_sessionstart(session: pytest.Session) -> None:
    session.stash[WATCHMAN] = Watchman()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> Generator[None, object, object]:
    """Run it once more with all that belongs to a run, its timeout among it."""
    item.stash[BEGAN] = item.session.stash[WATCHMAN].seconds()
    ran = yield
    if not item.stash.get(VOID, False):
        return ran
    # Fixtures of a whole module or session may have been half made: a failed one would fail again unasked.
    call = pytest.CallInfo.from_call(lambda: item.session._setupstate.teardown_exact(None), when="teardown")
    item.ihook.pytest_runtest_logreport(report=item.ihook.pytest_runtest_makereport(item=item, call=call))
    item.stash[VOID] = False
    return item.ihook.pytest_runtest_protocol(item=item, nextitem=nextitem)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Say which failure is void; what fails only after the test itself passed counts as always."""
    report = yield
    stood_still = item.session.stash[WATCHMAN].seconds() - item.stash[BEGAN]
    if report.failed and stood_still:
        report.sections.append(("The machine", f"It stood still for {stood_still:.2f} s meanwhile."))
        is_first = VOID not in item.stash
        if item.stash.get(VOID, False) or (is_first and call.when != "teardown"):
            item.stash[VOID] = True
            report.outcome = "rerun"
            report.stood_still = stood_still
    return report


def pytest_report_teststatus(report: pytest.TestReport) -> tuple[str, str, tuple[str, dict[str, bool]]] | None:
    return ("rerun", "R", ("RERUN", {"yellow": True})) if report.outcome == "rerun" else None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name what was void, even in a green run: who sees the same name again has found a flaw."""
    void = terminalreporter.stats.get("rerun", [])
    if void:
        terminalreporter.section("run once more, for the machine stood still")
    for report in void:
        reason = report.longrepr.reprcrash.message.splitlines()[0] if report.longrepr else ""
        terminalreporter.write_line(f"RERUN {report.nodeid} ({report.stood_still:.2f} s): {reason}")
