"""Containers as an operator starts them, by docker or podman, under what the chart's pods allow."""

import asyncio
import json
import os
import shlex
import shutil
import subprocess
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from causerie.embedded.ports import free_port
from tests.support.services import get
from tests.support.waiting import eventually

REPOSITORY = Path(__file__).parents[2]
BUILD_SECONDS = 1800.0
COMMAND_SECONDS = 120.0
START_SECONDS = 90.0
DRAIN_SECONDS = 40
AS_A_POD = ("--read-only", "--tmpfs=/tmp", "--cap-drop=ALL", "--security-opt=no-new-privileges")
"""The chart's securityContext, and its one volume."""

_numbers = count(1)


class NoContainers(Exception):
    """Nothing here can build and run one."""


@dataclass(frozen=True)
class Ran:
    """How a command in a container ended."""

    status: int
    out: str
    err: str


@dataclass(frozen=True)
class Running:
    """A service in a container, which listens on loopback of this machine."""

    tool: "Containers"
    name: str
    port: int
    health_port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    async def ready(self) -> None:
        """Wait until it says so; its log is in the error when it does not."""
        answers: Callable[[], bool | Awaitable[bool]] = self._is_ready
        await eventually(answers, timeout_seconds=START_SECONDS)

    async def _is_ready(self) -> bool:
        answer = await get(self.health_port, "/ready")
        assert answer is not None and answer.status == 200, self.log_text()
        return True

    def execute(self, *command: str) -> Ran:
        """Run something beside the service, as a health check does."""
        return self.tool.call("exec", self.name, *command)

    async def stop(self) -> int:
        """SIGTERM, then the exit status; 137 if it had to be killed."""
        await asyncio.to_thread(self.tool.call, "stop", "-t", str(DRAIN_SECONDS), self.name)
        status: int = self.tool.inspect(self.name)["State"]["ExitCode"]
        return status

    def log_text(self) -> str:
        ran = self.tool.call("logs", self.name)
        return ran.out + ran.err


@dataclass(frozen=True)
class Containers:
    """The command that makes and runs them, such as `podman` or `sudo docker`."""

    command: tuple[str, ...]

    @classmethod
    def found(cls) -> "Containers":
        """What `CONTAINERS` names, else the first of docker and podman that answers.

        Raises:
            NoContainers: buildah alone will not do, for it cannot run anything on a read-only root.
        """
        named = os.environ.get("CONTAINERS")
        for words in [shlex.split(named)] if named else [["docker"], ["podman"]]:
            tool = cls(tuple(words))
            if shutil.which(words[0]) and tool.call("info").status == 0:
                return tool
        raise NoContainers(f"{named or 'docker or podman'} does not work here; buildah's images are run by podman")

    def build(self, target: str, tag: str) -> str:
        """Build one stage of the Dockerfile out of this checkout."""
        base = os.environ.get("BASE")
        # Podman's own format has no health checks.
        podman = ["--format=docker", "--pull=missing"] if self._is_podman else []
        arguments = [*podman, *([f"--build-arg=BASE={base}"] if base else []), f"--target={target}", f"--tag={tag}"]
        subprocess.run([*self.command, "build", *arguments, str(REPOSITORY)], timeout=BUILD_SECONDS, check=True)
        return tag

    def inspect(self, name: str) -> dict[str, Any]:
        """What is known of an image or a container."""
        ran = self.call("inspect", name)
        assert ran.status == 0, ran.err
        found: dict[str, Any] = json.loads(ran.out)[0]
        return found

    def run(
        self,
        image: str,
        *command: str,
        environment: Mapping[str, str] | None = None,
        options: tuple[str, ...] = (),
        given: str = "",
    ) -> Ran:
        """One command to its end, in a container of its own that is nowhere afterwards."""
        under = ("--rm", "--interactive", "--network=host", *self._as_a_pod, *options)
        return self.call("run", *under, *_variables(environment or {}), image, *command, given=given)

    @contextmanager
    def running(self, image: str, service: str, environment: Mapping[str, str]) -> Iterator[Running]:
        """One service as long as the block."""
        port = free_port()
        health_port = free_port()
        one = Running(self, f"causerie-image-{os.getpid()}-{next(_numbers)}", port, health_port)
        listen = {"CAUSERIE_HOST": "127.0.0.1", "PORT": str(port), "CAUSERIE_HEALTH_PORT": str(health_port)}
        under = ("--detach", f"--name={one.name}", "--network=host", *self._as_a_pod)
        ran = self.call("run", *under, *_variables({**environment, **listen}), image, service)
        try:
            assert ran.status == 0, ran.err
            yield one
        finally:
            self.call("rm", "--force", "--volumes", one.name)

    @property
    def _is_podman(self) -> bool:
        return any(Path(word).name == "podman" for word in self.command)

    @property
    def _as_a_pod(self) -> tuple[str, ...]:
        # Podman makes more of a read-only container writable than its /tmp.
        return (*AS_A_POD, "--read-only-tmpfs=false") if self._is_podman else AS_A_POD

    def call(self, *arguments: str, given: str = "") -> Ran:
        """Any of its commands to the end."""
        ran = subprocess.run(
            [*self.command, *arguments],
            input=given,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )
        return Ran(ran.returncode, ran.stdout, ran.stderr)


def _variables(environment: Mapping[str, str]) -> list[str]:
    return [f"--env={name}={value}" for name, value in environment.items()]
