"""How an installation scales, rolls, drains, migrates and is let in."""

import re
import shutil

import pytest
import yaml

from tests.charts.chart import (
    CHART,
    SERVICES,
    component_of,
    environment_of,
    find,
    helm,
    objects_of,
    of_kind,
    parsed,
    pods_of,
    rendered,
    service_pod,
)


@pytest.mark.parametrize("drain_seconds", [0, 30, 300])
def test_a_gateway_is_given_longer_than_its_drain(drain_seconds):
    pod = service_pod(rendered("minimal", {"gateway": {"drainSeconds": drain_seconds}}), "gateway")["spec"]

    container = pod["containers"][0]
    sleep = container["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert environment_of(container)["CAUSERIE_DRAIN_SECONDS"]["value"] == str(drain_seconds)
    assert sleep == 10
    assert pod["terminationGracePeriodSeconds"] >= sleep + drain_seconds + 20


def test_a_full_gateway_with_a_short_drain_is_given_the_time_it_takes_anyway():
    """It sends no more than 1,000 a second away, however short the drain."""
    values = {"gateway": {"drainSeconds": 5, "maxConnections": 60_000}}

    pod = service_pod(rendered("minimal", values), "gateway")["spec"]

    assert pod["terminationGracePeriodSeconds"] >= 10 + 60 + 20


def test_helm_leaves_the_number_of_pods_to_the_autoscaler():
    for profile, is_scaled in (("minimal", False), ("ha-external", True), ("keda", True)):
        for component in SERVICES:
            assert ("replicas" not in find(objects_of(profile), "Deployment", component)["spec"]) == is_scaled


def test_no_autoscaler_is_rendered_when_it_is_off():
    assert of_kind(objects_of("minimal"), "HorizontalPodAutoscaler") == []
    assert of_kind(objects_of("minimal"), "ScaledObject") == []
    assert of_kind(objects_of("keda"), "HorizontalPodAutoscaler") == []


def test_gateways_grow_at_once_by_connections_and_shrink_slowly():
    scaler = find(objects_of("ha-external"), "HorizontalPodAutoscaler", "gateway")["spec"]

    pods = next(metric["pods"] for metric in scaler["metrics"] if metric["type"] == "Pods")
    assert pods["metric"]["name"] == "causerie_gateway_connections"
    assert pods["target"] == {"type": "AverageValue", "averageValue": "10000"}
    up, down = scaler["behavior"]["scaleUp"], scaler["behavior"]["scaleDown"]
    assert (up["stabilizationWindowSeconds"], up["selectPolicy"]) == (0, "Max")
    assert {(each["type"], each["value"], each["periodSeconds"]) for each in up["policies"]} == {
        ("Percent", 100, 60),
        ("Pods", 4, 60),
    }
    assert down["stabilizationWindowSeconds"] == 600
    assert down["policies"] == [{"type": "Pods", "value": 1, "periodSeconds": 120}]


def test_keda_asks_prometheus_and_never_takes_silence_for_zero():
    for component, metric in (("gateway", "causerie_gateway_connections"), ("worker", "causerie_dispatch_lag_seconds")):
        scaled = find(objects_of("keda"), "ScaledObject", component)["spec"]

        trigger = next(each for each in scaled["triggers"] if each["type"] == "prometheus")
        assert scaled["minReplicaCount"] >= 1
        assert (
            trigger["metadata"]["query"]
            == f'sum({metric}{{namespace="messaging",pod=~"chat-causerie-{component}-.+"}})'
        )
        assert trigger["metadata"]["ignoreNullValues"] == "false"
        assert "fallback" not in scaled


def test_a_rollout_never_takes_a_pod_before_its_successor_is_there():
    for component in SERVICES:
        rolling = find(objects_of("minimal"), "Deployment", component)["spec"]
        budget = find(objects_of("minimal"), "PodDisruptionBudget", component)["spec"]

        assert rolling["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": "25%"}
        assert rolling["minReadySeconds"] > 0
        assert budget["maxUnavailable"] == 1
        assert budget["unhealthyPodEvictionPolicy"] == "AlwaysAllow"
        spread = rolling["template"]["spec"]["topologySpreadConstraints"]
        assert all(each["matchLabelKeys"] == ["pod-template-hash"] for each in spread)


def test_only_the_worker_may_talk_to_kubernetes_and_only_about_pods():
    roles = of_kind(objects_of("minimal"), "Role")

    assert [role["rules"] for role in roles] == [[{"apiGroups": [""], "resources": ["pods"], "verbs": ["patch"]}]]
    holders = {where for where, pod in pods_of(objects_of("minimal")) if pod["spec"]["automountServiceAccountToken"]}
    assert holders == {"Deployment/chat-causerie-worker"}
    assert of_kind(objects_of("nothing-on"), "Role") == []


def test_the_schema_job_is_renamed_by_whatever_changes_it():
    """A Job cannot be changed: an upgrade that tried would fail."""
    first = find(objects_of("minimal"), "Job", "migrate")
    next_release = find(rendered("minimal", {"image": {"tag": "9.9.9"}}), "Job", "migrate")
    same = find(rendered("minimal", {"api": {"replicas": 5}}), "Job", "migrate")

    assert "helm.sh/hook" not in first["metadata"].get("annotations", {})
    assert next_release["metadata"]["name"] != first["metadata"]["name"]
    assert same == first


def test_the_schema_job_can_be_a_hook_before_upgrades_or_not_be_there():
    installed = find(objects_of("ingress"), "Job", "migrate")
    upgraded = find(rendered("ingress", {}, "--is-upgrade"), "Job", "migrate")

    assert "annotations" not in installed["metadata"], "a hook before an install would wait for Secrets of that install"
    assert upgraded["metadata"]["annotations"]["helm.sh/hook"] == "pre-upgrade"
    assert [each for each in of_kind(objects_of("nothing-on"), "Job") if component_of(each) == "migrate"] == []


def test_every_service_waits_for_the_schema_whoever_brings_it():
    for profile in ("minimal", "nothing-on", "ingress"):
        for component in SERVICES:
            waiting = service_pod(objects_of(profile), component)["spec"]["initContainers"][0]
            assert waiting["args"] == ["migrate", "status", "--wait", "600s"]


def test_schema_and_partitions_go_past_a_pooler_and_services_through_it():
    objects = objects_of("ha-external")
    direct = {"name": "causerie-db-app", "key": "uri"}
    for where, pod in pods_of(objects):
        for container in [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]:
            url = environment_of(container).get("DATABASE_URL")
            if url is not None:
                is_service = container["name"] in SERVICES
                expected = {"name": "causerie-pooler", "key": "url"} if is_service else direct
                assert url["valueFrom"]["secretKeyRef"] == expected, where
    assert find(objects, "ConfigMap", "settings")["data"]["CAUSERIE_DATABASE_POOLED"] == "1"


def test_partitions_are_looked_after_every_night_one_step_after_another():
    job = find(objects_of("ha-external"), "CronJob", "partitions")["spec"]

    pod = job["jobTemplate"]["spec"]["template"]["spec"]
    steps = [container["args"] for container in [*pod["initContainers"], *pod["containers"]]]
    assert steps == [
        ["partitions", "ensure", "--months-ahead", "3"],
        ["partitions", "retain", "--event-months", "2", "--drop-after-hours", "12", "--months", "24"],
        ["partitions", "check", "--months-ahead", "2"],
    ]
    assert (job["timeZone"], job["concurrencyPolicy"], job["startingDeadlineSeconds"]) == ("Etc/UTC", "Forbid", 3600)
    assert (job["successfulJobsHistoryLimit"], job["failedJobsHistoryLimit"]) == (3, 5)
    assert "--months" not in str(find(objects_of("minimal"), "CronJob", "partitions")).replace("--months-ahead", "")


def test_sockets_go_to_the_gateway_and_everything_else_to_the_api():
    route = find(objects_of("ha-external"), "HTTPRoute")["spec"]["rules"]
    ingress = find(objects_of("ingress"), "Ingress")["spec"]["rules"][0]["http"]["paths"]

    assert [match["path"]["value"] for match in route[0]["matches"]] == ["/ws", "/app", "/socket.io", "/v1/stream"]
    assert route[0]["timeouts"] == {"request": "0s", "backendRequest": "0s"}
    assert route[0]["backendRefs"][0]["name"] == "chat-causerie-gateway"
    assert [path["path"] for path in ingress] == ["/ws", "/app", "/socket.io", "/v1/stream", "/"]
    assert ingress[-1]["backend"]["service"]["name"] == "chat-causerie-api"


def test_every_pod_is_covered_by_a_network_policy():
    for profile in ("minimal", "evaluation", "everything-on"):
        objects = objects_of(profile)
        for where, pod in pods_of(objects):
            covering = [
                policy["metadata"]["name"]
                for policy in of_kind(objects, "NetworkPolicy")
                if _selects(policy["spec"]["podSelector"], pod["metadata"]["labels"])
            ]
            assert len(covering) == 1, f"{where}: {covering}"


def _selects(selector: dict[str, object], labels: dict[str, str]) -> bool:
    wanted = selector.get("matchLabels", {})
    assert isinstance(wanted, dict)
    expressions = selector.get("matchExpressions", [])
    assert isinstance(expressions, list)
    return wanted.items() <= labels.items() and all(labels.get(each["key"]) in each["values"] for each in expressions)


def test_the_rules_of_the_network_reach_what_is_configured_and_no_more():
    def ports(profile: str, component: str) -> set[int]:
        policy = find(objects_of(profile), "NetworkPolicy", component)["spec"]
        assert policy["policyTypes"] == ["Ingress", "Egress"]
        return {port["port"] for rule in policy.get("egress", []) for port in rule["ports"]}

    assert ports("minimal", "api") == {53, 5432, 6379, 4222}
    assert ports("minimal", "worker") == {53, 5432, 6379, 4222, 443, 6443}
    assert ports("minimal", "jobs") == {53, 5432}
    assert ports("ha-external", "gateway") == {53, 5432, 6432, 6379, 4222, 443}
    assert ports("everything-on", "gateway") == {53, 5432, 6379, 4222, 4318, 443}
    assert ports("evaluation", "valkey") == set()


def test_whoever_calls_a_service_from_within_is_let_in_where_clients_are_named():
    objects = rendered("everything-on", {"networkPolicy": {"clients": [{"ipBlock": {"cidr": "192.0.2.0/24"}}]}})
    pods = [pod for _, pod in pods_of(objects)]

    for component, port in (("api", 8080), ("gateway", 8081)):
        ingress = find(objects, "NetworkPolicy", component)["spec"]["ingress"]
        admitted = [
            peer["podSelector"]
            for rule in ingress
            if rule["ports"][0]["port"] == port
            for peer in rule["from"]
            if "podSelector" in peer
        ]
        callers = {
            policy["metadata"]["labels"]["app.kubernetes.io/component"]
            for policy in of_kind(objects, "NetworkPolicy")
            for rule in policy["spec"].get("egress", [])
            if any(
                _selects(to["podSelector"], _pod_labels(pods, component))
                for to in rule.get("to", [])
                if "podSelector" in to
            )
        }
        assert callers >= {"test", "swarm"}
        for caller in callers:
            assert any(_selects(selector, _pod_labels(pods, caller)) for selector in admitted), (
                f"{caller} to {component}"
            )


def _pod_labels(pods: list[dict[str, object]], component: str) -> dict[str, str]:
    """Of the pods of a component."""
    labels: list[dict[str, str]] = [pod["metadata"]["labels"] for pod in pods]  # type: ignore[index]
    return next(each for each in labels if each["app.kubernetes.io/component"] == component)


def test_an_evaluation_talks_to_its_own_stores_and_to_nobody_elses():
    objects = objects_of("evaluation")

    for rule in find(objects, "NetworkPolicy", "gateway")["spec"]["egress"]:
        assert "to" in rule or {port["port"] for port in rule["ports"]} == {53}
    callers = find(objects, "NetworkPolicy", "valkey")["spec"]["ingress"][0]["from"][0]["podSelector"]
    assert callers["matchExpressions"][0]["values"] == ["api", "gateway", "worker"]


def test_rules_and_dashboards_come_from_their_folders_as_they_are():
    rules = of_kind(objects_of("ha-external"), "PrometheusRule")
    dashboards = [each for each in of_kind(objects_of("ha-external"), "ConfigMap") if component_of(each) == "dashboard"]

    files = sorted((CHART / "rules").glob("*.yaml"))
    assert [rule["spec"]["groups"] for rule in rules] == [yaml.safe_load(file.read_text())["groups"] for file in files]
    assert {name: text for each in dashboards for name, text in each["data"].items()} == {
        f"causerie-{file.name}": file.read_text() for file in (CHART / "dashboards").glob("*.json")
    }
    assert all(each["metadata"]["labels"]["grafana_dashboard"] == "1" for each in dashboards)


def test_alerts_lead_to_the_runbooks_that_the_operator_names():
    objects = rendered("ha-external", {"monitoring": {"rules": {"runbookUrl": "https://wiki.example.org/chat/"}}})

    alerts = [
        rule
        for each in of_kind(objects, "PrometheusRule")
        for group in each["spec"]["groups"]
        for rule in group["rules"]
        if "alert" in rule
    ]
    found = {alert["annotations"]["runbook_url"] for alert in alerts}
    pages = {page.stem for page in (CHART.parents[1] / "docs" / "operations" / "runbooks").glob("Causerie*.md")}
    assert len(alerts) > 20
    assert found == {f"https://wiki.example.org/chat/{page}.md" for page in pages}


def test_without_rules_and_dashboards_the_rest_is_rendered_all_the_same(tmp_path):
    chart = tmp_path / "chart"
    shutil.copytree(CHART, chart, ignore=shutil.ignore_patterns("rules", "dashboards"))

    objects = parsed(helm("template", "chat", chart, "--values", CHART / "ci" / "ha-external.yaml"))

    assert find(objects, "PodMonitor")
    assert of_kind(objects, "PrometheusRule") == []


def test_prometheus_scrapes_each_service_once():
    monitor = find(objects_of("ha-external"), "PodMonitor")["spec"]

    scraped = {
        pod["metadata"]["labels"]["app.kubernetes.io/component"]
        for where, pod in pods_of(objects_of("ha-external"))
        if _selects(monitor["selector"], pod["metadata"]["labels"])
    }
    assert scraped == {*SERVICES, "canary"}
    assert [each["port"] for each in monitor["podMetricsEndpoints"]] == ["health"]


def test_what_is_scraped_carries_the_label_that_alerts_ask_for():
    """An alert on a label that no target has would never fire."""
    endpoint = find(objects_of("ha-external"), "PodMonitor")["spec"]["podMetricsEndpoints"][0]
    asked = set(re.findall(r"\bup\{(\w+)", (CHART / "rules" / "alerts.yaml").read_text()))

    given = {each["targetLabel"]: each["sourceLabels"] for each in endpoint["relabelings"]}
    assert asked == {"causerie_service"}
    assert given == {"causerie_service": ["__meta_kubernetes_pod_label_app_kubernetes_io_component"]}


def test_escape_hatches_reach_the_pods():
    pod = service_pod(objects_of("everything-on"), "worker")
    container = pod["spec"]["containers"][0]

    assert environment_of(container)["TZ"]["value"] == "Etc/UTC"
    assert {"secretRef": {"name": "more", "optional": True}} in container["envFrom"]
    assert [each["name"] for each in pod["spec"]["initContainers"]] == ["wait-for-schema", "more"]
    assert [each["name"] for each in pod["spec"]["containers"]] == ["worker", "beside"]
    assert pod["spec"]["priorityClassName"] == "messaging"
    assert pod["metadata"]["annotations"]["example.org/note"] == "two"
    names = {each["metadata"]["name"] for each in objects_of("everything-on")}
    assert {"chat-more", "chat-causerie-text"} <= names


@pytest.mark.parametrize("profile", ["everything-on", "evaluation"])
def test_no_pod_is_left_out_where_every_node_has_a_taint_and_a_mesh_wants_labels(profile):
    where = {
        "nodeSelector": {"pool": "messaging"},
        "tolerations": [{"operator": "Exists"}],
        "priorityClassName": "high",
    }
    said = {"podLabels": {"sidecar.istio.io/inject": "false"}, "podAnnotations": {"example.org/note": "seen"}}
    all_pods = {name: {**where, **said} for name in ("otherPods", *SERVICES)}

    for name, pod in pods_of(rendered(profile, all_pods)):
        assert pod["spec"]["tolerations"] == where["tolerations"], name
        assert where["nodeSelector"].items() <= pod["spec"]["nodeSelector"].items(), name
        assert pod["spec"]["priorityClassName"] == "high", name
        assert pod["metadata"]["labels"]["sidecar.istio.io/inject"] == "false", name
        assert pod["metadata"]["annotations"]["example.org/note"] == "seen", name


def test_an_operator_has_the_last_word_on_security_contexts():
    """OpenShift, for one, chooses users by itself."""
    theirs = {"podSecurityContext": {"runAsUser": None, "fsGroup": None}}

    objects = rendered("evaluation", theirs | {"gateway": {"podSecurityContext": {"fsGroup": 7}}})

    users = {where: pod["spec"]["securityContext"].get("runAsUser") for where, pod in pods_of(objects)}
    stores = {"postgresql": 999, "valkey": 999, "nats": 10001}
    assert {where: user for where, user in users.items() if user} == {
        f"StatefulSet/chat-causerie-{name}": user for name, user in stores.items()
    }
    assert service_pod(objects, "gateway")["spec"]["securityContext"]["fsGroup"] == 7
