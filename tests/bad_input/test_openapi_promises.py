"""What /openapi.json promises, tried with what schemathesis makes of it: no 5xx, and answers as documented.

The examples are the same in every run.  The people are new, so that what one example changes cannot hide another.
"""

import uuid
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis import checks

from services.api.openapi.document import openapi
from services.api.resources import OPERATIONS
from tests.security.house import House
from tests.security.stage import headers_of

EXAMPLES = 12
"""Of sound requests and of broken ones, for each operation."""
SCHEMA: Any = schemathesis.openapi.from_dict(openapi(OPERATIONS))
ALL = [found.ok() for found in SCHEMA.get_all_operations()]
EXPECTED = (
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
)


@pytest.mark.parametrize("mode", list(schemathesis.GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize("operation", ALL, ids=lambda operation: operation.label)
def test_the_api_answers_as_its_document_says(house: House, operation: Any, mode: Any):
    headers = headers_of(f"tester-{uuid.uuid4()}")

    @seed(20261121)
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def holds(case: Any) -> None:
        case.call_and_validate(base_url=house.api.url, headers=headers, checks=EXPECTED, timeout=5)

    holds()
