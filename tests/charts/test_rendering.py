"""Every profile of ci/ renders objects that a cluster would take, old or new, with *restricted* enforced."""

import re

import pytest

from causerie.settings import CanarySettings, Settings, refuse_unknown
from loadtest.__main__ import parser as loadtest_parser
from loadtest.options import address
from loadtest.scenarios import SCENARIOS
from tests.charts import kubernetes_schemas, pod_security
from tests.charts.chart import (
    CHART,
    NAMESPACE,
    PROFILES,
    SERVICES,
    Object,
    containers_of,
    environment_of,
    find,
    helm,
    objects_of,
    of_kind,
    parsed,
    pods_of,
    service_pod,
    template,
    text_of,
)

MAX_NAME = 63
MAX_CRONJOB_NAME = 52
"""A CronJob's jobs get eleven characters more."""
CLUSTER_WIDE = {"ClusterRole", "ClusterRoleBinding", "Namespace"}

every_profile = pytest.mark.parametrize("profile", PROFILES)


def test_the_profiles_are_those_that_the_chart_promises():
    assert {"minimal", "evaluation", "ha-external", "everything-on", "nothing-on", "keda", "ingress"} <= set(PROFILES)


@every_profile
def test_helm_finds_nothing_to_complain_of(profile):
    said = helm("lint", "--strict", CHART, "--values", CHART / "ci" / f"{profile}.yaml")

    assert "0 chart(s) failed" in said
    assert "[WARNING]" not in said


@every_profile
def test_a_profile_renders_twice_to_the_same_text(profile):
    assert template(profile) == text_of(profile)


@every_profile
@pytest.mark.parametrize("release", [kubernetes_schemas.OLDEST, kubernetes_schemas.NEWEST])
def test_kubernetes_accepts_every_object(profile, release):
    assert [fault for each in objects_of(profile) for fault in kubernetes_schemas.faults(each, release)] == []


def test_a_misspelt_field_would_be_noticed():
    """Else the test above would prove nothing."""
    pod = parsed(text_of("minimal").replace("terminationGracePeriodSeconds", "terminationGracePeriod"))
    route = parsed(text_of("ha-external").replace("backendRequest:", "backendTimeout:"))

    found = [
        fault
        for each in [*of_kind(pod, "Deployment"), *of_kind(route, "HTTPRoute")]
        for fault in kubernetes_schemas.faults(each, kubernetes_schemas.NEWEST)
    ]

    assert len(found) >= 4
    assert "terminationGracePeriod" in found[0]
    assert "backendTimeout" in found[-1]


@every_profile
def test_restricted_namespaces_admit_every_pod(profile):
    refused = {
        where: breaches for where, pod in pods_of(objects_of(profile)) if (breaches := list(pod_security.breaches(pod)))
    }
    unmet = {where: wishes for where, pod in pods_of(objects_of(profile)) if (wishes := list(pod_security.wishes(pod)))}

    assert refused == {}
    assert unmet == {}


@pytest.mark.parametrize(
    ("honest", "spoilt", "breach"),
    [
        ("runAsNonRoot: true", "runAsNonRoot: false", "runAsNonRoot is not true"),
        ("runAsUser: 10001", "runAsUser: 0", "runs as root"),
        ("allowPrivilegeEscalation: false", "allowPrivilegeEscalation: true", "allowPrivilegeEscalation is not false"),
        ("drop: [ALL]", "drop: [NET_RAW]", "capabilities are not all dropped"),
        ("type: RuntimeDefault", "type: Unconfined", "no seccomp profile"),
        ("emptyDir:\n", "hostPath: {path: /}\n          x:\n", "volume tmp is a"),
    ],
)
def test_a_pod_that_restricted_would_refuse_is_noticed(honest, spoilt, breach):
    pod = dict(pods_of(parsed(text_of("nothing-on").replace(honest, spoilt))))["Deployment/chat-causerie-api"]

    assert breach in " ".join(pod_security.breaches(pod))


@pytest.mark.parametrize("profile", ["evaluation", "everything-on"])
def test_names_fit_even_for_a_release_with_the_longest_name(profile):
    long = parsed(template(profile, {"extraObjects": []}, release="a" * 53))

    assert [each["metadata"]["name"] for each in long if len(each["metadata"]["name"]) > MAX_NAME] == []
    assert [each for each in of_kind(long, "CronJob") if len(each["metadata"]["name"]) > MAX_CRONJOB_NAME] == []
    assert len({(each["kind"], each["metadata"]["name"]) for each in long}) == len(long)
    labels = [label for each in long for label in each["metadata"].get("labels", {}).values()]
    assert [label for label in labels if len(label) > MAX_NAME] == []


@every_profile
def test_helm_4_can_apply_every_pod_for_no_list_says_a_thing_twice(profile):
    """Server-side apply, which Helm 4 does by default, merges these lists by a key and refuses what has it twice."""
    for where, pod in pods_of(objects_of(profile)):
        lists = [[each["name"] for each in some] for some in (pod["spec"].get("volumes", []), containers_of(pod))]
        for container in containers_of(pod):
            lists += [[each["name"] for each in container.get("env", [])]]
            lists += [[each["mountPath"] for each in container.get("volumeMounts", [])]]
            lists += [[each["containerPort"] for each in container.get("ports", [])]]
        for keys in lists:
            assert len(keys) == len(set(keys)), f"{where}: {keys}"


@every_profile
def test_no_two_objects_have_one_name_and_all_are_in_the_release(profile):
    objects = objects_of(profile)

    assert len({(each["kind"], each["metadata"]["name"]) for each in objects}) == len(objects)
    extra = {"chat-more", "chat-causerie-text"}
    assert {
        each["metadata"].get("namespace")
        for each in objects
        if each["kind"] not in CLUSTER_WIDE and each["metadata"]["name"] not in extra
    } == {NAMESPACE}


@every_profile
def test_what_pods_refer_to_is_there_or_the_operators_own(profile):
    objects = objects_of(profile)
    theirs = (CHART / "ci" / f"{profile}.yaml").read_text()
    made = {(each["kind"], each["metadata"]["name"]) for each in objects}
    made |= {("Secret", "chat-causerie-evaluation"), ("ServiceAccount", "default")}
    for where, pod in pods_of(objects):
        referred = {("ServiceAccount", pod["spec"].get("serviceAccountName", "default"))}
        for volume in pod["spec"].get("volumes", []):
            referred |= {("ConfigMap", volume["configMap"]["name"])} if "configMap" in volume else set()
            referred |= {("Secret", volume["secret"]["secretName"])} if "secret" in volume else set()
        for container in containers_of(pod):
            sources = [each.get("valueFrom", {}) for each in container.get("env", [])]
            referred |= {("Secret", each["secretKeyRef"]["name"]) for each in sources if "secretKeyRef" in each}
            referred |= {
                ("ConfigMap", each["configMapRef"]["name"])
                for each in container.get("envFrom", [])
                if "configMapRef" in each
            }
        missing = {(kind, name) for kind, name in referred - made if name not in theirs}
        assert missing == set(), where


@every_profile
def test_volumes_ports_and_selectors_belong_together(profile):
    objects = objects_of(profile)
    pods = list(pods_of(objects))
    for where, pod in pods:
        volumes = {volume["name"] for volume in pod["spec"].get("volumes", [])}
        claims = next(
            (
                {claim["metadata"]["name"] for claim in each["spec"].get("volumeClaimTemplates", [])}
                for each in of_kind(objects, "StatefulSet")
                if where.endswith(each["metadata"]["name"])
            ),
            set(),
        )
        for container in containers_of(pod):
            assert {mount["name"] for mount in container.get("volumeMounts", [])} <= volumes | claims, where
            ports = {port["name"] for port in container.get("ports", [])}
            for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
                asked = container.get(probe, {}).get("httpGet", {}).get("port")
                assert asked is None or asked in ports, where
    selectors = [
        *(each["spec"]["selector"]["matchLabels"] for each in of_kind(objects, "Deployment")),
        *(each["spec"]["selector"]["matchLabels"] for each in of_kind(objects, "PodDisruptionBudget")),
        *(each["spec"]["selector"] for each in of_kind(objects, "Service")),
    ]
    for selector in selectors:
        assert any(selector.items() <= pod["metadata"]["labels"].items() for _, pod in pods), selector


STORED = {
    "DATABASE_URL": "postgresql://causerie@postgresql/causerie",
    "REDIS_URL": "redis://redis:6379",
    "NATS_URL": "nats://nats:4222",
    "CAUSERIE_JWT_SECRET": "as long as a secret in a Secret must be",
}
"""What stands in Secrets."""


def told(container: Object, settings: dict[str, str]) -> dict[str, str]:
    """The environment of a container as it will be."""
    found = dict(settings) if container.get("envFrom") else {}
    for name, variable in environment_of(container).items():
        found[name] = STORED.get(name) or variable.get("value", "something")
    return found


@every_profile
def test_services_start_with_what_they_are_told(profile):
    """A pod refuses to start on a setting it does not know or cannot read."""
    common = find(objects_of(profile), "ConfigMap", "settings")["data"]
    read = {
        component: Settings.read(
            component, told(service_pod(objects_of(profile), component)["spec"]["containers"][0], common)
        )
        for component in SERVICES
    }

    assert read["gateway"].gateway.max_connections == 20_000
    assert read["gateway"].cluster.pod_name
    assert read["api"].log.level == common["LOG_LEVEL"]


def test_canary_and_load_test_start_with_what_they_are_told():
    pods = dict(pods_of(objects_of("everything-on")))
    canary = told(pods["Deployment/chat-causerie-canary"]["spec"]["containers"][0], {})
    load, swarm = (
        next(pod for where, pod in pods.items() if name in where)["spec"]["containers"][0]
        for name in ("-loadtest-", "-swarm-")
    )

    refuse_unknown(canary)
    assert CanarySettings.read(canary).gateways == ("wss://chat.example.org",)
    given = loadtest_parser().parse_args(load["args"])
    assert (given.gateway, given.connections, given.talk) == ("ws://chat-causerie-gateway:80", 10_000, 2.0)
    assert given.scenario in SCENARIOS
    # All swarms that Locust waits for come, to where it waits, with the secret by which it knows them.
    job = find(objects_of("everything-on"), "Job", "swarm")["spec"]
    assert job["completions"] == job["parallelism"] == given.swarms == 2
    host, port = address(swarm["args"][0])
    service = find(objects_of("everything-on"), "Service", "loadtest")
    assert (host, port) == (service["metadata"]["name"], service["spec"]["ports"][0]["port"])
    assert address(given.meet) == ("", load["ports"][0]["containerPort"])
    assert environment_of(load)["CAUSERIE_JWT_SECRET"] == environment_of(swarm)["CAUSERIE_JWT_SECRET"]


@every_profile
def test_no_secret_stands_in_the_text_of_a_pod(profile):
    named = re.compile(r"(secret|password|token)", re.IGNORECASE)
    in_a_url = re.compile(r"://[^/@]*:(?!\$\()[^/@]*@")
    for where, pod in pods_of(objects_of(profile)):
        for container in containers_of(pod):
            for name, variable in environment_of(container).items():
                value = variable.get("value", "")
                assert not named.search(name) or not value or value.startswith("$("), f"{where}: {name}"
                assert not in_a_url.search(value), f"{where}: {name}"
