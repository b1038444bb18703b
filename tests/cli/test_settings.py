"""The environment read once, and mistakes in it said in one line."""

import pytest

from causerie.settings import GatewaySettings, Settings, SettingsError

STORES = {
    "DATABASE_URL": "postgresql://db/causerie",
    "REDIS_URL": "redis://one:1, redis://two:2",
    "NATS_URL": "nats://bus",
}
SECRET = {"CAUSERIE_JWT_SECRET": "x" * 32}


def test_the_least_an_operator_must_set():
    settings = Settings.read("api", STORES | SECRET)

    assert settings.stores.redis_urls == ("redis://one:1", "redis://two:2")
    assert (settings.listen.port, settings.listen.health_port) == (8080, 9080)
    assert settings.auth.jwt_secrets == ("x" * 32,)
    assert settings.api.demo is False


@pytest.mark.parametrize(("service", "port", "health_port"), [("api", 8080, 9080), ("gateway", 8081, 9081)])
def test_every_service_has_its_own_ports(service, port, health_port):
    listen = Settings.read(service, STORES | SECRET).listen

    assert (listen.port, listen.health_port) == (port, health_port)


def test_a_worker_needs_no_key():
    assert Settings.read("worker", STORES).listen.health_port == 9082


@pytest.mark.parametrize(
    ("environment", "complaint"),
    [
        ({"DATABASE_URL": ""}, "DATABASE_URL is not set"),
        ({"DATABASE_URL": "mysql://db/x"}, "DATABASE_URL must begin with postgresql:// or postgres://"),
        ({"PORT": "eighty"}, "PORT must be a number"),
        ({"PORT": "70000"}, "PORT must be a port, 0 to 65535"),
        ({"CAUSERIE_DRAIN_SECONDS": "nan"}, "CAUSERIE_DRAIN_SECONDS must be a number of seconds, 0 or more"),
        ({"CAUSERIE_MAX_CONNECTIONS": "0"}, "CAUSERIE_MAX_CONNECTIONS must be 1 or more"),
        ({"CAUSERIE_REBALANCE_PER_SECOND": "-1"}, "CAUSERIE_REBALANCE_PER_SECOND must be 0 or more"),
        ({"CAUSERIE_REBALANCE_ABOVE": "1"}, "CAUSERIE_REBALANCE_ABOVE must be a share of the mean, 1.1 or more"),
        ({"CAUSERIE_DEMO": "maybe"}, "CAUSERIE_DEMO must be 1 or 0"),
        ({"LOG_LEVEL": "loud"}, "LOG_LEVEL must be DEBUG, INFO, WARNING, ERROR or CRITICAL"),
        ({"CAUSERIE_JWT_SECRTE": "x"}, "unknown setting CAUSERIE_JWT_SECRTE; did you mean CAUSERIE_JWT_SECRET?"),
        ({"CAUSERIE_COLOUR_OF_THE_SKY": "blue"}, "unknown setting CAUSERIE_COLOUR_OF_THE_SKY"),
        ({"CAUSERIE_JWT_SECRET": ""}, "CAUSERIE_JWT_SECRET or CAUSERIE_JWKS_URL must be set: nobody could sign in"),
    ],
)
def test_a_mistake_is_said_in_one_line(environment, complaint):
    with pytest.raises(SettingsError) as raised:
        Settings.read("api", STORES | SECRET | environment)

    assert str(raised.value) == complaint


def test_a_short_secret_is_refused_without_being_shown():
    with pytest.raises(SettingsError, match="CAUSERIE_JWT_SECRET must be at least 32 bytes") as raised:
        Settings.read("gateway", STORES | {"CAUSERIE_JWT_SECRET": "hunter2"})

    assert "hunter2" not in str(raised.value)


def test_a_public_key_is_no_secret():
    with pytest.raises(SettingsError, match="must be a secret, not a key") as raised:
        Settings.read("api", STORES | {"CAUSERIE_JWT_SECRET": "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkq"})

    assert "MIIB" not in str(raised.value)


def test_two_secrets_let_one_follow_the_other():
    settings = Settings.read("gateway", STORES | {"CAUSERIE_JWT_SECRET": f"{'new' * 11},{'old' * 11}"})

    assert settings.auth.jwt_secrets == ("new" * 11, "old" * 11)


def test_what_kubernetes_says_of_its_services_is_no_setting():
    links = {
        "CAUSERIE_API_SERVICE_HOST": "10.0.0.1",
        "CAUSERIE_API_SERVICE_PORT": "8080",
        "CAUSERIE_API_SERVICE_PORT_HTTP": "8080",
        "CAUSERIE_API_PORT": "tcp://10.0.0.1:8080",
        "CAUSERIE_API_PORT_8080_TCP_ADDR": "10.0.0.1",
    }

    assert Settings.read("worker", STORES | links).gateway == GatewaySettings()
