"""Trace, why, status and the metrics of a running Code Grey agree on one item."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from itertools import pairwise

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families

from services.launcher.scrape import FILE
from tests.chaos.attacks import make_attack, towns
from tests.launcher.pipeline import BEFORE_ANYBODY
from tests.road.conftest import Road
from tests.waiting import wait_until

pytestmark = [pytest.mark.servers, pytest.mark.timeout(240)]

STEPS = {
    "publisher_to_seen": "ingest",
    "seen_to_published": "classifier",
    "published_to_judged": "classifier",
    "judged_to_merged": "tracker",
    "merged_to_matched": "notifier",
    "matched_to_accepted": "notifier",
    "seen_to_accepted": "notifier",
    "publisher_to_accepted": "notifier",
}


async def _steps_counted(road: Road) -> dict[str, tuple[str, float, float]]:
    """Scrape every service as a Prometheus would; return step: (part, count, sum)."""
    found: dict[str, tuple[str, float, float]] = {}
    groups = json.loads((road.stack.data / "run" / FILE).read_text("utf-8"))
    async with httpx2.AsyncClient(timeout=10) as client:
        for group in groups:
            answer = await client.get(f"http://{group['targets'][0]}/metrics")
            for family in text_string_to_metric_families(answer.text):
                if family.name != "codegrey_step_seconds":
                    continue
                values = {(one.name, one.labels["step"]): one.value for one in family.samples if "le" not in one.labels}
                for (name, step), value in values.items():
                    if name.endswith("_count"):
                        total = values["codegrey_step_seconds_sum", step]
                        found[step] = (group["labels"]["part"], value, total)
    return found


async def test_one_item_from_its_publisher_to_its_targets(road: Road) -> None:
    """Every point has its time, by the clock of whoever passed it; the slowest step has its name."""
    attack = make_attack(0, towns(31))
    road.feed.add(attack)
    await road.alerted(attack)
    url = f"http://news.example/attack-{attack.number}"

    async def accepted() -> bool:
        (item,) = await road.ask("trace", url)
        return len(item["targets"]) == 2 and all(one["state"] == "sent" for one in item["targets"])

    await wait_until(accepted, within=30, every=0.5, what="both targets to accept")
    (item,) = await road.ask("trace", url)
    assert [one["step"] for one in item["steps"]] == BEFORE_ANYBODY
    for target in item["targets"]:
        assert [one["step"] for one in target["steps"]] == ["sent", "accepted"]
        whole = [*item["steps"], *target["steps"]]
        assert all(one["took_s"] >= 0 for one in whole[1:])
        times = [datetime.fromisoformat(one["at"]) for one in whole]
        # Kafka tells milliseconds only, and its clock is read by another process.
        assert all(after > before - timedelta(milliseconds=20) for before, after in pairwise(times))
        assert target["slowest"]["took_s"] == max(one["took_s"] for one in whole[1:])
        assert target["slowest_of_ours"]["since"] != "published"
        assert target["total_s"] < 60
    by_alert = await road.ask("trace", item["alert"])
    assert by_alert == await road.ask("trace", item["incident"]) == [item]
    text, _ = await road.command("trace", item["incident"][:10])
    assert "slowest: " in text
    assert attack.hospital in text
    _, errors = await road.command("trace", "http://news.example/nowhere", status=1)
    assert "codegrey why" in errors

    steps = await road.ask("why", url, "--subscription", "nobody")
    assert (steps[-1]["part"], steps[-1]["outcome"]) == ("notifier", "no such subscription")

    counted = await _steps_counted(road)
    assert {step: part for step, (part, count, _) in counted.items() if count} == STEPS
    assert all(total >= 0 for _, _, total in counted.values())
    times_told = (await road.ask("status"))["times"]
    assert times_told["deliveries"] >= 2
    assert 0 < times_told["p50_s"] <= times_told["p95_s"] <= times_told["longest_s"] < 60


async def test_an_address_that_was_never_seen_names_the_feed_that_would_carry_it(road: Road) -> None:
    """With its state, and when it was last read."""
    (step,) = await road.ask("why", road.feed.url.replace("feed.xml", "article-of-that-site"))
    assert (step["part"], step["outcome"]) == ("ingest", "never seen")
    assert "Road News (ok, last read 20" in step["detail"]
