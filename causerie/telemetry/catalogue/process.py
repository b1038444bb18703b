"""What every process says of itself."""

from causerie.telemetry.catalogue.book import EVERYWHERE, STORES_OPEN, level, levels, totals

BUILD_INFO = levels(
    EVERYWHERE, "causerie.build.info", "{build}", "1, with the version that runs.", by="version", known=[]
)
EVENT_LOOP_LAG_SECONDS = level(
    EVERYWHERE, "causerie.event_loop.lag", "s", "The longest a timer waited for the event loop lately."
)
PROCESS_CPU_SECONDS = totals(
    EVERYWHERE, "process.cpu.time", "s", "Processor time of this process.", by="cpu.mode", known=["user", "system"]
)
PROCESS_MEMORY_BYTES = level(EVERYWHERE, "process.memory.usage", "By", "Resident memory of this process.")
OPEN_FILES = level(
    EVERYWHERE, "process.open_file_descriptor.count", "{file_descriptor}", "Open files, of which a socket is one."
)
OPEN_FILES_LIMIT = level(
    EVERYWHERE, "process.open_file_descriptor.limit", "{file_descriptor}", "How many files may be open."
)
STARTED_AT = level(EVERYWHERE, "causerie.process.start_time", "s", "When this process began, as Unix time.")
DRAINING = level(STORES_OPEN, "causerie.draining", "{process}", "1 while this process is leaving, else 0.")
CLOCK_SKEW_SECONDS = level(
    STORES_OPEN,
    "causerie.clock.skew",
    "s",
    "How far the clock of this machine is ahead of PostgreSQL's; what clients see goes by PostgreSQL's.",
)
TASK_AGE_SECONDS = levels(
    STORES_OPEN,
    "causerie.task.age",
    "s",
    "Since the last round of a background task that succeeded.",
    by="task",
    known=[],
)
