"""What the dashboard asks Prometheus about Ray, answered by promtool."""

import json
import subprocess
from pathlib import Path

import pytest

from dashboard.sources.ray import RATES, VALUES

REPLICA = '{job="ray",node="ray-%s",application="v1",replica="%s"'
IN_FLIGHT = f"ray_serve_replica_processing_queries{REPLICA}}}"
ASKED = f'ray_serve_deployment_request_counter_total{REPLICA},route="/v1/%s"}}'
NOW = IN_FLIGHT % ("1", "now")
PREDICTIONS = ASKED % ("1", "now", "predict")
SERIES = {
    'up{job="ray",node="ray-1"}': "1x12",
    'up{job="services",instance="v1-1"}': "1x12",
    NOW: "2x12",
    # Prometheus was stopped and started again: it never saw the end of that one.
    IN_FLIGHT % ("1", "before"): "1x3 _x9",
    # Its node was lost a moment ago.
    IN_FLIGHT % ("2", "lost"): "1x10 stale",
    PREDICTIONS: "0+10x12",
    ASKED % ("1", "now", "healthz"): "0+1x12",
}


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (VALUES, {'up{job="ray",node="ray-1"}': 1, NOW: 2, PREDICTIONS: 120}),
        (RATES, {'{node="ray-1",application="v1",replica="now"}': 2}),
    ],
)
def test_only_what_is_there_now_and_only_predictions(
    tmp_path: Path, expression: str, expected: dict[str, float]
) -> None:
    cases = tmp_path / "cases.yml"
    samples = [{"labels": labels, "value": value} for labels, value in expected.items()]
    case = {
        "interval": "5s",
        "input_series": [{"series": name, "values": values} for name, values in SERIES.items()],
        "promql_expr_test": [{"expr": expression, "eval_time": "60s", "exp_samples": samples}],
    }
    cases.write_text(json.dumps({"rule_files": [], "tests": [case]}))
    done = subprocess.run(
        ["promtool", "test", "rules", str(cases)], capture_output=True, text=True, timeout=30
    )
    assert done.returncode == 0, done.stdout + done.stderr
