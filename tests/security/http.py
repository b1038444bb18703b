"""An HTTP client for loopback, which reads no certificates: for each client they take longer than a whole test."""

from typing import Any

import httpx


def client_of(url: str, **options: Any) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=url, verify=False, **({"timeout": 5} | options))
