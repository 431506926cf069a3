"""The API keeps to its OpenAPI document, whatever is sent to it."""

import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import Case, GenerationMode

from tests.site import Site


def test_every_operation_keeps_to_the_document(site: Site) -> None:
    schema = schemathesis.openapi.from_url(f"{site.url}/openapi.json")
    operations = [operation.ok() for operation in schema.get_all_operations()]
    assert len(operations) == 5
    for operation in operations:
        takes_input = bool(operation.body or operation.query or operation.path_parameters)
        for mode in GenerationMode if takes_input else [GenerationMode.POSITIVE]:

            @settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
            @given(case=operation.as_strategy(generation_mode=mode))
            def check(case: Case) -> None:
                case.call_and_validate()

            check()
