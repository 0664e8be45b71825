"""Draw the dashboard as one HTML page from a Prometheus, where there is no Grafana at hand.

    .venv/bin/python -m ops.grafana.draw http://127.0.0.1:9090 30m > dashboard.html

Each panel stands where the dashboard's file puts it, with what its own expressions give. It is a look at the
numbers and at the layout, not at Grafana's drawing.
"""

from __future__ import annotations

import html
import json
import math
import re
import sys
import time
from pathlib import Path
from typing import Any

import httpx2

COLUMN, LINE, GAP, LEFT = 54, 30, 6, 54
COLOURS = ("#73bf69", "#f2cc0c", "#8ab8ff", "#ff780a", "#f2495c", "#5794f2", "#b877d9", "#705da0", "#37872d", "#fade2a")
NAMED = {"green": "#299c46", "orange": "#d4730b", "red": "#c4162a"}
POINTS = 240
Series = list[tuple[str, list[tuple[float, float]]]]


def seconds(words: str) -> int:
    """Read a length such as 30m or 6h."""
    return int(words[:-1]) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[words[-1]]


class Prometheus:
    """Ask one Prometheus for what a panel shows."""

    def __init__(self, address: str, span: str) -> None:
        self.client = httpx2.Client(base_url=address, timeout=30)
        self.span, self.length = span, seconds(span)
        self.now = time.time()

    def ask(self, target: dict[str, Any]) -> Series:
        """Return the series of one expression, each with its legend."""
        step = max(5, self.length // POINTS)
        query = target["expr"].replace("$__rate_interval", f"{max(60, 4 * step)}s").replace("$__range", self.span)
        asked: dict[str, Any] = {"query": query, "time": self.now}
        if not target.get("instant"):
            asked = {"query": query, "start": self.now - self.length, "end": self.now, "step": step}
        path = "/api/v1/query" if target.get("instant") else "/api/v1/query_range"
        answer = self.client.get(path, params=asked)
        answer.raise_for_status()
        found: Series = []
        for one in answer.json()["data"]["result"]:
            points = [(float(at), float(value)) for at, value in one.get("values") or [one["value"]]]
            found.append((legend(target["legendFormat"], one["metric"]), [p for p in points if math.isfinite(p[1])]))
        return found


def legend(form: str, labels: dict[str, str]) -> str:
    """Write a series' name as the panel asks."""
    if form == "__auto":
        return ", ".join(value for name, value in labels.items() if name != "__name__") or "value"
    return re.sub(r"\{\{\s*(\w+)\s*\}\}", lambda match: labels.get(match.group(1), ""), form)


def words(value: float, unit: str) -> str:
    """Write a value in its unit."""
    if unit == "bytes":
        return f"{value / 1024**2:.0f} MiB"
    if unit == "s":
        for length, name in ((86400, "d"), (3600, "h"), (60, "min"), (1, "s")):
            if value >= length:
                return f"{value / length:.3g} {name}"
        return f"{value * 1000:.3g} ms"
    return f"{value:.3g}" + (" /s" if unit == "cps" else "")


def colour(value: float, steps: list[dict[str, Any]]) -> str:
    """Return the colour of the last threshold that a value reaches."""
    reached = [step["color"] for step in steps if step["value"] is None or value >= step["value"]]
    return NAMED.get(reached[-1], "#444")


def stat(series: Series, panel: dict[str, Any]) -> str:
    """Draw one number on its colour."""
    defaults = panel["fieldConfig"]["defaults"]
    values = [points[-1][1] for _, points in series if points]
    if not values:
        return '<div class="stat" style="background:#444">no data</div>'
    digits = defaults.get("decimals")
    shown = words(round(values[0], digits) if digits is not None else values[0], defaults["unit"])
    return f'<div class="stat" style="background:{colour(values[0], defaults["thresholds"]["steps"])}">{shown}</div>'


def rows(series: Series, panel: dict[str, Any]) -> str:
    """Draw the last values as a table, with a bar where the panel is one."""
    unit = panel["fieldConfig"]["defaults"]["unit"]
    last = sorted(((points[-1][1], name) for name, points in series if points), reverse=True)
    most = max((value for value, _ in last), default=0) or 1
    drawn = []
    for value, name in last:
        bar = f'<i style="width:{100 * value / most:.0f}%"></i>' if panel["type"] == "bargauge" else ""
        drawn.append(f"<tr><td>{html.escape(name)}</td><td>{words(value, unit)}</td><td class=bar>{bar}</td></tr>")
    return f"<table>{''.join(drawn)}</table>" if drawn else "<p>none</p>"


def graph(series: Series, panel: dict[str, Any], width: int, height: int) -> str:
    """Draw lines over time, with the last and the largest value of each beside them."""
    defaults = panel["fieldConfig"]["defaults"]
    series = [(name, points) for name, points in series if points]
    if not series:
        return "<p>no data in this time</p>"
    log = defaults["custom"]["scaleDistribution"]["type"] == "log"
    values = [value for _, points in series for _, value in points if value > 0 or not log] or [1.0]
    low, high = (min(values), max(values)) if log else (0.0, max([*values, 1e-9]))
    low, high = (math.log10(low), math.log10(high)) if log else (low, high)
    high = high if high > low else low + 1
    begin = min(points[0][0] for _, points in series)
    end = max(points[-1][0] for _, points in series)
    beside = panel["options"]["legend"]["placement"] == "right"
    plot = width - 240 if beside else width - 10
    height -= 0 if beside else 14 * (len(series) + 1) + 10
    tall = height - 22
    paths, told, unit = [], [], defaults["unit"]
    for number, (name, points) in enumerate(series):
        paint = COLOURS[number % len(COLOURS)]
        at = []
        for moment, value in points:
            scaled = (math.log10(value) if value > 0 else low) if log else value
            x = LEFT + (plot - LEFT) * (moment - begin) / max(1.0, end - begin)
            at.append(f"{x:.1f},{tall - (tall - 8) * (scaled - low) / (high - low):.1f}")
        paths.append(f'<polyline points="{" ".join(at)}" fill="none" stroke="{paint}" stroke-width="1.5"/>')
        last, most = points[-1][1], max(value for _, value in points)
        told.append(
            f'<tr><td><b style="background:{paint}"></b>{html.escape(name)}</td>'
            f"<td>{words(last, unit)}</td><td>{words(most, unit)}</td></tr>"
        )
    marks = "".join(
        f'<line x1={LEFT} x2={plot} y1={y:.0f} y2={y:.0f} stroke="#2c3235"/>'
        f"<text x={LEFT - 4} y={y + 4:.0f} text-anchor=end>{words(10**value if log else value, unit)}</text>"
        for part in (0.0, 0.5, 1.0)
        for value, y in [(low + (high - low) * part, tall - (tall - 8) * part)]
    )
    times = "".join(
        f"<text x={LEFT + (plot - LEFT) * part:.0f} y={height - 6} text-anchor={anchor}>"
        f"{time.strftime('%H:%M', time.gmtime(begin + (end - begin) * part))}</text>"
        for part, anchor in ((0.0, "start"), (0.5, "middle"), (1.0, "end"))
    )
    table = f"<table class=legend><tr><th></th><th>last</th><th>max</th></tr>{''.join(told)}</table>"
    return f"<svg width={plot} height={height}>{marks}{times}{''.join(paths)}</svg>{table}"


STYLE = """body{background:#111217;color:#ccccdc;font:12px sans-serif;margin:0;position:relative}
.panel{position:absolute;background:#181b1f;border:1px solid #2c3235;overflow:hidden;box-sizing:border-box}
.panel h2{font-size:12px;margin:5px 8px 2px;font-weight:600;white-space:nowrap}.row{position:absolute;font-weight:700}
.stat{font-size:26px;text-align:center;color:#fff;padding:24px 0 40px}svg{float:left}text{fill:#8e8e99;font-size:10px}
table{border-spacing:0;font-size:11px;margin:4px 8px}td{padding:1px 6px 1px 0;white-space:nowrap}th{text-align:left}
td.bar{width:240px}td.bar i{display:block;height:14px;background:linear-gradient(90deg,#299c46,#f2cc0c)}
table.legend{font-size:10px;margin:0}b{display:inline-block;width:10px;height:3px;margin-right:4px}p{margin:8px}"""


def page(dashboard: dict[str, Any], prometheus: Prometheus) -> str:
    """Draw every panel in its place."""
    drawn, bottom = [], 0
    for panel in dashboard["panels"]:
        at = panel["gridPos"]
        left, top = at["x"] * COLUMN, at["y"] * LINE
        wide, tall = at["w"] * COLUMN - GAP, at["h"] * LINE - GAP
        bottom = max(bottom, top + tall)
        place = f"left:{left}px;top:{top}px;width:{wide}px;height:{tall}px"
        title = html.escape(panel["title"])
        if panel["type"] == "row":
            drawn.append(f'<div class="row" style="{place}">{title}</div>')
            continue
        series = [one for target in panel["targets"] for one in prometheus.ask(target)]
        if panel["type"] == "stat":
            body = stat(series, panel)
        elif panel["type"] == "timeseries":
            body = graph(series, panel, wide, tall - 24)
        else:
            body = rows(series, panel)
        drawn.append(f'<div class="panel" style="{place}"><h2>{title}</h2>{body}</div>')
    return f"<!doctype html><meta charset=utf-8><style>{STYLE}</style><body style='height:{bottom}px'>{''.join(drawn)}"


if __name__ == "__main__":
    file = Path(__file__).with_name("codegrey.json")
    sys.stdout.write(page(json.loads(file.read_text("utf-8")), Prometheus(sys.argv[1], sys.argv[2])))
