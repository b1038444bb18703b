"""`causerie plan`: read runs, learn, size, show, write."""

from collections.abc import Sequence
from pathlib import Path

from loadtest.planner.chart import chart
from loadtest.planner.model import learn
from loadtest.planner.records import read
from loadtest.planner.report import report
from loadtest.planner.sizing import Demand, size
from loadtest.planner.values import values
from loadtest.trouble import Trouble


def plan(demand: Demand, files: Sequence[Path], *, values_file: Path, plot_file: Path | None) -> str:
    """Write the values and the picture; what is to be printed.

    Raises:
        Trouble: a file is no record, the runs do not say enough, or something cannot be written.
    """
    runs = [read(file) for file in files]
    model = learn(runs)
    answer = size(model, demand)
    try:
        values_file.write_text(values(model, answer))
        if plot_file is not None:
            plot_file.write_text(chart(model, runs))
    except OSError as error:
        raise Trouble(f"{error.filename} cannot be written: {error.strerror}") from None
    written = f"written: {values_file}" + (f", {plot_file}" if plot_file else "")
    return f"{report(model, answer)}{written}\n"
