"""The service against its own OpenAPI document, with generated requests.

The seed is fixed and the examples are derandomised: the same requests in every run.
SWITCHYARD_CASES=2000 generates as many for each operation; `make test-matrix` does.
"""

from __future__ import annotations

import os
from typing import Any

import schemathesis
from schemathesis.config import SchemathesisConfig

from tests.services.fake_model import served

# 413 is also right for a sentence within its 10,000 characters: written as \\u escapes, it
# takes up to 12 bytes a character.
CONFIG = f"""
seed = 20240607

[generation]
max-examples = {int(os.environ.get("SWITCHYARD_CASES", "150"))}
deterministic = true
database = "none"

[checks.positive_data_acceptance]
expected-statuses = [200, 413]

[checks.negative_data_rejection]
expected-statuses = [400, 405, 413, 415, 422]
"""

# Releases from 4.23 on would take words for the requests out of our source.
if hasattr(schemathesis.config, "AnalysisConfig"):
    CONFIG += """
[analysis.constants]
enabled = false
"""


def schema_of(version: str) -> schemathesis.schemas.BaseSchema:
    """The document of one version, ready to generate requests to it in this process."""
    config = SchemathesisConfig.from_str(CONFIG)
    return schemathesis.openapi.from_asgi("/openapi.json", served(version), config=config)


# Any: the class of a case takes a type argument in some releases only.
V1 = schema_of("v1")
V2 = schema_of("v2")


@V1.parametrize()
def test_v1_answers_as_it_documents(case: Any) -> None:
    case.call_and_validate()


@V2.parametrize()
def test_v2_answers_as_it_documents(case: Any) -> None:
    case.call_and_validate()
