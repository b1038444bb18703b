"""What makes no sense fails before anything is installed, with one line a person can act on."""

import pytest

from tests.charts.chart import CHART, Refused, helm, rendered, template

MAX_LINE = 400
ADVICE = "Use --debug flag to render out invalid YAML"


def refusal(values: dict[str, object], profile: str = "minimal") -> str:
    """What helm says, less the advice it ends with when a template failed."""
    with pytest.raises(Refused) as refused:
        template(profile, values)
    return str(refused.value).removesuffix(ADVICE).strip()


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({"redis": {"existingSecret": ""}}, "redis is missing: set redis.existingSecret or redis.url"),
        ({"nats": {"url": "nats://nats:4222"}}, "nats.url and nats.existingSecret are both set"),
        ({"auth": {"existingSecret": ""}}, "nobody could sign in: set auth.existingSecret or auth.jwksUrl"),
        ({"postgresql": {"pooled": True}}, "migrations must go past the pooler"),
        (
            {"postgresql": {"direct": {"url": "postgresql://a/b", "existingSecret": "c"}}},
            "postgresql.direct.url and postgresql.direct.existingSecret are both set",
        ),
        ({"evaluation": {"demo": True}}, "it needs evaluation.enabled"),
        ({"auth": {"cookie": "session"}}, "auth.cookie needs auth.allowedOrigins"),
        ({"trust": {"configMap": "a", "secret": "b"}}, "trust.configMap and trust.secret are both set"),
        ({"trust": {"key": "ca.crt"}}, "trust.key names a file of trust.configMap or trust.secret"),
        ({"gateway": {"maxConnections": 100}}, "gateway.targetConnectionsPerPod is above gateway.maxConnections"),
        ({"worker": {"autoscaling": {"minReplicas": 9}}}, "worker.autoscaling.minReplicas is above maxReplicas"),
        (
            {"api": {"autoscaling": {"enabled": True}, "resources": {"requests": None}}},
            "api.autoscaling needs api.resources.requests.cpu",
        ),
        (
            {"gateway": {"autoscaling": {"enabled": True}}, "autoscaling": {"provider": "keda"}},
            "autoscaling.provider=keda needs autoscaling.keda.prometheusUrl",
        ),
        ({"settings": {"CAUSERIE_DRAIN_SECONDS": 5}}, "settings.CAUSERIE_DRAIN_SECONDS has a value of its own"),
        (
            {"gateway": {"extraEnv": [{"name": "CAUSERIE_MAX_CONNECTIONS", "value": "5"}]}},
            "gateway.extraEnv names CAUSERIE_MAX_CONNECTIONS, which has a value of its own in this chart",
        ),
        ({"httpRoute": {"enabled": True}}, "httpRoute.enabled needs httpRoute.parentRefs"),
        (
            {"auth": {"existingSecret": "", "jwksUrl": "https://login.example.org/keys"}},
            "helm test cannot sign a token where only auth.jwksUrl is believed",
        ),
        (
            {
                "auth": {"existingSecret": "", "jwksUrl": "https://login.example.org/keys"},
                "tests": {"enabled": False},
                "loadtest": {"enabled": True},
            },
            "loadtest.enabled needs auth.existingSecret",
        ),
        (
            {"loadtest": {"enabled": True, "connections": 100_000, "pods": 6}},
            "loadtest.connections is 100000: 6 pods hold 90000 at most, raise loadtest.pods",
        ),
    ],
)
def test_values_that_contradict_each_other_are_refused_in_one_line(values, line):
    said = refusal(values)

    assert line in said
    assert len(said.splitlines()) == 1
    assert len(said) < MAX_LINE


def test_without_any_value_it_says_what_is_missing_first():
    with pytest.raises(Refused, match="postgresql is missing: .* or evaluation.enabled=true for a first look"):
        helm("template", "chat", CHART)


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"gatway": {"replicas": 3}}, "gatway"),
        ({"gateway": {"replica": 3}}, "replica"),
        ({"gateway": {"autoscaling": {"max": 3}}}, "max"),
        ({"networkPolicy": {"redis": {"port": 6379}}}, "port"),
        ({"api": {"replicas": "two"}}, "replicas"),
        ({"gateway": {"drainSeconds": -1}}, "drainSeconds"),
        ({"gateway": {"autoscaling": {"minReplicas": 0}}}, "minReplicas"),
        ({"autoscaling": {"provider": "vpa"}}, "provider"),
        ({"migrations": {"mode": "pre-install"}}, "mode"),
        ({"partitions": {"schedule": "daily"}}, "schedule"),
        ({"partitions": {"retentionMonths": 0}}, "retentionMonths"),
        ({"image": {"digest": "sha256:short"}}, "digest"),
        ({"settings": {"REDIS_URL": "redis://elsewhere"}}, "REDIS_URL"),
        ({"auth": {"jwksUrl": "login.example.org"}}, "jwksUrl"),
        ({"logLevel": "verbose"}, "logLevel"),
    ],
)
def test_unknown_and_impossible_values_are_refused_by_name(values, named):
    assert named in refusal(values)


def test_it_can_be_a_part_of_another_chart():
    """A parent's `condition` and its globals are passed down to every chart below it."""
    objects = rendered(
        "minimal", {"enabled": True, "global": {"imageRegistry": "mirror.example.org", "storageClass": "fast"}}
    )

    images = {
        container["image"]
        for each in objects
        if each["kind"] == "Deployment"
        for container in each["spec"]["template"]["spec"]["containers"]
    }
    assert {image.partition("/")[0] for image in images} == {"mirror.example.org"}
