"""What a test reads when its cluster does not come up."""

import socket
from pathlib import Path

import pytest

from causerie.embedded.process import StoreFailed
from tests.support.valkey_cluster import ValkeyCluster


async def test_a_node_that_does_not_start_says_why(tmp_path: Path):
    cluster = ValkeyCluster(tmp_path, replicas=0)
    late = cluster.primaries[1]

    try:
        with socket.create_server(("127.0.0.1", late.listening)):
            with pytest.raises(StoreFailed, match=r"primary-1 stopped while starting: .*[Ff]ailed listening on port"):
                await cluster.start()
    finally:
        await cluster.stop()
