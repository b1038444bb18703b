"""Which stage of a scenario it is: decided from the time and from who is there, told to Locust once a second."""

from collections.abc import Sequence

from loadtest.scenarios import Stage


class Timeline:
    """Goes through stages, never back. `stretch` makes those that last a time last longer or shorter."""

    def __init__(self, stages: Sequence[Stage], *, stretch: float, ramp_seconds: float) -> None:
        """`ramp_seconds` is what everybody's arrival takes at the rate asked for."""
        self._stages = stages
        self._stretch = stretch
        self._ramp_seconds = ramp_seconds
        self._place = 0
        self._began: float | None = None
        self.late: list[str] = []
        """Stages that ended before everybody was there."""

    @property
    def stage(self) -> Stage | None:
        return self._stages[self._place] if self._place < len(self._stages) else None

    def look(self, now: float, *, gathered: bool) -> Stage | None:
        """The stage it is now; None when all are over. `gathered`: those who should be there are."""
        if self._began is None:
            self._began = now
        while (stage := self.stage) is not None and self._is_over(stage, now - self._began, gathered=gathered):
            if stage.gathers and not gathered:
                self.late.append(stage.name)
            self._place += 1
            self._began = now
            # Who should be there now was not asked yet.
            gathered = False
        return self.stage

    def remaining(self, now: float) -> float:
        """Seconds until the stage ends at the latest."""
        if self.stage is None or self._began is None:
            return 0.0
        return self.limit(self.stage) - (now - self._began)

    def limit(self, stage: Stage) -> float:
        return stage.seconds + self._ramp_seconds if stage.gathers else stage.seconds * self._stretch

    def _is_over(self, stage: Stage, passed: float, *, gathered: bool) -> bool:
        return (stage.gathers and gathered) or passed >= self.limit(stage)
