"""What only a cluster can show: `make test-cluster` installs the chart on whatever `kubectl` names and watches it.

    make test-cluster ARGS="--set image.repository=registry.example.org/causerie --set image.tag=dev"

It works in a namespace of its own that enforces Pod Security *restricted*, and removes that namespace at the end.
A canary sends messages all the while; a step fails when one of them was lost.  `--set` and `--values` go to every
install and upgrade.  The exit status is 0 when every step passed, 1 when one failed, 2 without a cluster.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field

from tests.charts.chart import CHART, HELM, SERVICES

RELEASE = "chat"
FULL = f"{RELEASE}-causerie"
WAIT_SECONDS = 600
COMMAND_SECONDS = WAIT_SECONDS + 60
POLL_SECONDS = 5.0
NO_CLUSTER = 2
CANARY_SETTLES_SECONDS = 60
"""By then the canary calls lost what has not arrived."""
READ_METRICS = (
    "import urllib.request as u; print(u.urlopen('http://127.0.0.1:9083/metrics', timeout=5).read().decode())"
)


class StepFailed(Exception):
    """A step did not show what it should; the message says what was seen."""


@dataclass
class Cluster:
    """The cluster of the current context, and one namespace in it."""

    namespace: str
    values: list[str] = field(default_factory=list)

    def kubectl(self, *arguments: str, given: str = "") -> str:
        return _run(["kubectl", "--namespace", self.namespace, *arguments], given)

    def helm(self, *arguments: str) -> str:
        return _run([str(HELM), "--namespace", self.namespace, *arguments])

    def pods(self, component: str) -> list[str]:
        selector = f"app.kubernetes.io/instance={RELEASE},app.kubernetes.io/component={component}"
        return self.kubectl("get", "pods", "--selector", selector, "--output", "name").split()

    def lost(self) -> float:
        """What the canary has sent and nobody has seen."""
        metrics = self.kubectl("exec", f"deployment/{FULL}-canary", "--", "python", "-c", READ_METRICS)
        sent = sum(float(value) for value in re.findall(r"^causerie_canary_sent_total\{.*\} (\S+)$", metrics, re.M))
        if not sent:
            raise StepFailed("the canary has sent nothing")
        return sum(float(value) for value in re.findall(r"^causerie_canary_lost_total\{.*\} (\S+)$", metrics, re.M))


def _run(command: list[str], given: str = "") -> str:
    ran = subprocess.run(command, input=given, capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False)
    if ran.returncode:
        raise StepFailed(f"{' '.join(command[:6])} …: {(ran.stderr or ran.stdout).strip()[-2000:]}")
    return ran.stdout


def install(cluster: Cluster) -> None:
    """One switch brings everything up in a namespace that enforces *restricted*."""
    cluster.helm("install", RELEASE, str(CHART), *switches(), *cluster.values, "--wait", f"--timeout={WAIT_SECONDS}s")


def switches() -> list[str]:
    return ["--set", "evaluation.enabled=true", "--set", "canary.enabled=true"]


def helm_test(cluster: Cluster) -> None:
    """The chart's own tests pass, a WebSocket round trip among them."""
    cluster.helm("test", RELEASE, "--logs", f"--timeout={WAIT_SECONDS}s")


def upgrade(cluster: Cluster) -> None:
    """All pods are replaced while sockets are open, and no message is lost."""
    before = cluster.pods("gateway")
    # Not a setting of all: the canary would begin anew and forget what it has lost.
    rolled = ",".join(f"{name}.podAnnotations.rolled=once" for name in SERVICES)
    more = ["--set-string", rolled, "--wait", f"--timeout={WAIT_SECONDS}s"]
    cluster.helm("upgrade", RELEASE, str(CHART), *switches(), *cluster.values, *more)
    if set(before) & set(cluster.pods("gateway")):
        raise StepFailed("a gateway pod is still the old one")
    _nothing_lost(cluster)


def rollback(cluster: Cluster) -> None:
    """And back again."""
    cluster.helm("rollback", RELEASE, "1", "--wait", f"--timeout={WAIT_SECONDS}s")
    _nothing_lost(cluster)


def cronjobs(cluster: Cluster) -> None:
    """The nightly jobs succeed when they are run now."""
    for name in ("partitions", "reconcile"):
        cluster.kubectl("create", "job", f"{name}-now", f"--from=cronjob/{FULL}-{name}")
        cluster.kubectl("wait", f"job/{name}-now", "--for=condition=complete", f"--timeout={WAIT_SECONDS}s")


def eviction(cluster: Cluster) -> None:
    """A node's drain takes one gateway; the second has to wait for the first."""
    answers = []
    for pod in cluster.pods("gateway")[:2]:
        name = pod.removeprefix("pod/")
        path = f"/api/v1/namespaces/{cluster.namespace}/pods/{name}/eviction"
        body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}}
        try:
            cluster.kubectl("create", "--raw", path, "--filename", "-", given=json.dumps(body))
            answers.append("taken")
        except StepFailed as refusal:
            if "disruption budget" not in str(refusal):
                raise
            answers.append("refused")
    if answers != ["taken", "refused"]:
        raise StepFailed(f"two evictions at once: {answers}")
    cluster.kubectl("rollout", "status", f"deployment/{FULL}-gateway", f"--timeout={WAIT_SECONDS}s")
    _nothing_lost(cluster)


def autoscaling(cluster: Cluster) -> None:
    """The API grows when its CPU is above the target and shrinks when it is not."""
    try:
        cluster.kubectl("get", "--raw", "/apis/metrics.k8s.io/v1beta1/nodes")
    except StepFailed:
        raise StepFailed("this cluster has no metrics API: install metrics-server") from None
    scaled = ["--set", "api.autoscaling.enabled=true", "--set", "api.autoscaling.minReplicas=1"]
    quick = "autoscaling.behavior.scaleDown.stabilizationWindowSeconds=0"
    # A pod that does nothing uses more than one percent of its request, and never ten times that request.
    for percent, fewest, most in ((1, 3, 100), (1000, 1, 1)):
        target = f"api.autoscaling.targetCPUUtilizationPercentage={percent}"
        set_too = ["--set", target, "--set", quick]
        cluster.helm("upgrade", RELEASE, str(CHART), *switches(), *cluster.values, *scaled, *set_too)
        _until_api_pods(cluster, fewest, most)


def _nothing_lost(cluster: Cluster) -> None:
    time.sleep(CANARY_SETTLES_SECONDS)
    if lost := cluster.lost():
        raise StepFailed(f"{lost:.0f} messages were lost")


def _until_api_pods(cluster: Cluster, fewest: int, most: int) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not fewest <= (pods := len(cluster.pods("api"))) <= most:
        if time.monotonic() > deadline:
            raise StepFailed(f"{pods} pods of the API after {WAIT_SECONDS} s, not {fewest} to {most}")
        time.sleep(POLL_SECONDS)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


STEPS = (install, helm_test, upgrade, rollback, cronjobs, eviction, autoscaling)


def context() -> str | None:
    """The cluster that answers, if any."""
    if shutil.which("kubectl") is None:
        return None
    for command in (["config", "current-context"], ["version", "--request-timeout=10s"]):
        ran = subprocess.run(["kubectl", *command], capture_output=True, text=True, timeout=60, check=False)
        if ran.returncode:
            return None
        if command[0] == "config":
            name = ran.stdout.strip()
    return name


def main() -> int:
    parser = argparse.ArgumentParser("test-cluster", description=__doc__.splitlines()[0])
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="for helm")
    parser.add_argument("--values", action="append", default=[], metavar="FILE", help="for helm")
    parser.add_argument("--keep", action="store_true", help="leave the namespace as it is at the end")
    given = parser.parse_args()
    named = context()
    if named is None:
        sys.stderr.write("test-cluster: kubectl names no cluster that answers, so nothing was tested\n")
        return NO_CLUSTER
    cluster = Cluster(f"causerie-test-{int(time.time())}")
    cluster.values += [word for value in given.set for word in ("--set", value)]
    cluster.values += [word for value in given.values for word in ("--values", value)]
    _say(f"cluster {named}, namespace {cluster.namespace}")
    failed = 0
    _run(["kubectl", "create", "namespace", cluster.namespace])
    try:
        label = "pod-security.kubernetes.io/enforce=restricted"
        _run(["kubectl", "label", "namespace", cluster.namespace, label])
        for step in STEPS:
            began = time.monotonic()
            try:
                step(cluster)
                outcome = "passed"
            except StepFailed as failure:
                failed += 1
                outcome = f"FAILED: {failure}"
            _say(f"{step.__name__:<12} {time.monotonic() - began:5.0f} s  {outcome}")
            if failed and step is install:
                break
    finally:
        if not given.keep:
            _run(["kubectl", "delete", "namespace", cluster.namespace, "--wait=false"])
    _say(f"{len(STEPS)} steps, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
