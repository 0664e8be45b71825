"""Every expression of the dashboard and of the alert rules parses, and names only what the services register."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import promql_parser
import pytest
from prometheus_client import REGISTRY
from ruamel.yaml import YAML

from services.launcher.scrape import targets
from shared.metrics import STEP_SECONDS

OPS = Path(__file__).parents[2] / "ops"
METRICS = (
    "shared.metrics",
    "services.ingest.metrics",
    "services.classifier.metrics",
    "services.tracker.metrics",
    "services.notifier.metrics",
)
TARGET_LABELS = {"job", "instance", "part"}
"""What Prometheus itself puts to every series it scrapes from us."""
OF_PROMETHEUS = {"up": set[str](), "ALERTS": {"alertname", "severity"}}
OF_A_PROCESS = {
    name: set[str]()
    for name in ("process_start_time_seconds", "process_resident_memory_bytes", "process_cpu_seconds_total")
}
"""What the client library registers for a process on Linux."""
SUFFIXES = {"histogram": ("_bucket", "_sum", "_count"), "counter": ("_total",), "gauge": ("",)}


def _known() -> dict[str, set[str]]:
    """Map each series' name to its labels."""
    for module in METRICS:
        import_module(module)
    found: dict[str, set[str]] = dict(OF_PROMETHEUS | OF_A_PROCESS)
    for collector in list(REGISTRY._collector_to_names):
        if not hasattr(collector, "_labelnames"):
            continue
        name, labels = collector._name, set(collector._labelnames)
        for suffix in SUFFIXES[collector._type]:
            found[f"{name}{suffix}"] = labels | ({"le"} if suffix == "_bucket" else set())
    return found


def _dashboard() -> Iterator[tuple[str, str]]:
    for file in sorted((OPS / "grafana").glob("*.json")):
        for panel in json.loads(file.read_text("utf-8"))["panels"]:
            for target in panel.get("targets", ()):
                yield f"{file.name}: {panel['title']}", target["expr"]


def _rules() -> Iterator[tuple[str, str]]:
    for group in _read("rules.yml")["groups"]:
        for rule in group["rules"]:
            yield f"rules.yml: {rule['alert']}", rule["expr"]


def _read(name: str) -> Any:
    return YAML(typ="safe").load((OPS / "prometheus" / name).read_text("utf-8"))


EXPRESSIONS = [*_dashboard(), *_rules()]


def _parsed(expression: str) -> promql_parser.Expr:
    return promql_parser.parse(re.sub(r"\$__(rate_interval|range|interval)", "5m", expression))


def _walk(expr: Any) -> Iterator[Any]:
    yield expr
    for name in ("lhs", "rhs", "expr", "param", "vector_selector"):
        if (inner := getattr(expr, name, None)) is not None and not isinstance(inner, str):
            yield from _walk(inner)
    for inner in getattr(expr, "args", None) or ():
        yield from _walk(inner)


def _problems(expression: str, known: dict[str, set[str]]) -> list[str]:
    wrong: list[str] = []
    names: set[str] = set()
    wanted: set[str] = set()
    for node in _walk(_parsed(expression)):
        if isinstance(node, promql_parser.VectorSelector):
            assert node.name, expression
            names.add(node.name)
            wanted |= {one.name for one in node.matchers.matchers}
            wrong += [f"step {one}" for one in _steps_named(node) - _steps_known()]
        modifier = getattr(node, "modifier", None)
        if isinstance(modifier, promql_parser.AggModifier | promql_parser.LabelModifier):
            wanted |= set(modifier.labels)
        matching = getattr(modifier, "matching", None)
        wanted |= set(matching.labels) if matching else set()
    wrong += [f"metric {name}" for name in names - known.keys()]
    labels = set().union(*(known.get(name, set()) for name in names)) | TARGET_LABELS
    return wrong + [f"label {label}" for label in wanted - labels]


def _steps_known() -> set[str]:
    return {sample.labels["step"] for metric in STEP_SECONDS.collect() for sample in metric.samples}


def _steps_named(node: promql_parser.VectorSelector) -> set[str]:
    if not (node.name or "").startswith("codegrey_step_seconds"):
        return set()
    return {step for one in node.matchers.matchers if one.name == "step" for step in one.value.split("|")}


@pytest.mark.parametrize(("where", "expression"), EXPRESSIONS, ids=[where for where, _ in EXPRESSIONS])
def test_the_expression_parses_and_names_what_exists(where: str, expression: str) -> None:
    """A metric that was renamed must not leave an alert that never fires."""
    assert _problems(expression, _known()) == [], where


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ("sum by (colour) (codegrey_consumer_lag)", "label colour"),
        ("codegrey_no_such_thing > 0", "metric codegrey_no_such_thing"),
        ('rate(codegrey_feed_polls_total{state="x"}[5m])', "label state"),
        ('codegrey_step_seconds_count{step="far_to_near"}', "step far_to_near"),
        ("codegrey_consumer_lag and on (shape) codegrey_consumer_paused", "label shape"),
        ("histogram_quantile(0.9, rate(codegrey_dead_letters_bucket[5m]))", "metric codegrey_dead_letters_bucket"),
    ],
)
def test_what_does_not_exist_is_found(expression: str, problem: str) -> None:
    """The check itself must see a mistake, wherever it stands."""
    assert _problems(expression, _known()) == [problem]


def test_every_metric_of_ours_is_described_for_operators() -> None:
    """What nobody explains, nobody looks at."""
    told = (OPS.parent / "docs" / "metrics.md").read_text("utf-8")
    ours = {name for name in _known() if name.startswith("codegrey_")}
    ours = {re.sub(r"_(bucket|sum|count)$", "", name) for name in ours}
    assert sorted(name for name in ours if f"`{name}" not in told) == []


def test_every_alert_says_what_is_wrong_and_what_to_do() -> None:
    """Each has its summary, description and severity, and a name of its own."""
    rules = [rule for group in _read("rules.yml")["groups"] for rule in group["rules"]]
    assert len({rule["alert"] for rule in rules}) == len(rules)
    for rule in rules:
        assert rule["annotations"].keys() >= {"summary", "description"}, rule["alert"]
        assert rule["labels"]["severity"] in {"critical", "warning", "info"}


def test_the_dashboard_fits_together() -> None:
    """Ids are unique, panels stand beside each other within 24 columns, and each says what it shows."""
    for file in (OPS / "grafana").glob("*.json"):
        panels = json.loads(file.read_text("utf-8"))["panels"]
        assert len({panel["id"] for panel in panels}) == len(panels)
        taken: set[tuple[int, int]] = set()
        for panel in panels:
            at = panel["gridPos"]
            cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
            assert not taken & cells, panel["title"]
            assert at["x"] + at["w"] <= 24
            taken |= cells
            if panel["type"] != "row":
                assert panel["description"]
                assert panel["datasource"]["uid"] == "${datasource}"


def test_targets_carry_the_name_of_their_part() -> None:
    """As Prometheus reads them from a file."""
    assert targets({"tracker": 2, "ingest": 1}) == [
        {"targets": ["127.0.0.1:1"], "labels": {"part": "ingest"}},
        {"targets": ["127.0.0.1:2"], "labels": {"part": "tracker"}},
    ]
