"""`causerie canary`: messages to itself through everything that people use, and what became of them as metrics."""

import asyncio
import os

from causerie import telemetry
from causerie.canary.flight import fly
from causerie.cli.outcome import Failed
from causerie.settings import (
    AuthSettings,
    CanarySettings,
    ListenSettings,
    LogSettings,
    SettingsError,
    refuse_unknown,
)

HEALTH_PORT = 9083


def run() -> int:
    """Until SIGTERM.

    Raises:
        Failed: the environment cannot be used.
    """
    environment = os.environ
    try:
        refuse_unknown(environment)
        settings = CanarySettings.read(environment)
        listen = ListenSettings.read(environment, health_port=HEALTH_PORT)
        secrets = AuthSettings.read(environment).jwt_secrets
        level = LogSettings.read(environment).level
    except SettingsError as error:
        raise Failed(str(error), status=2) from None
    if not secrets:
        raise Failed("CAUSERIE_JWT_SECRET is not set: the canary signs its own tokens", status=2)
    telemetry.setup("canary", level)
    asyncio.run(fly(settings, listen, secrets[0]))
    telemetry.shutdown()
    return 0
