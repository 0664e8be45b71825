"""Draw the plots of the evaluation's report as inline SVG: no script, nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from markupsafe import Markup

_ROW = 24
_LEFT = 210
_WIDTH = 440


def bars(rows: Sequence[tuple[str, float, tuple[float, float], str]], title: str) -> Markup:
    """Draw one bar a row: name, share (0 to 1), its 95 % interval, and what stands beside it."""
    height = _ROW * len(rows) + 30
    parts = [_open(_LEFT + _WIDTH + 240, height, title)]
    for mark in (0, 0.25, 0.5, 0.75, 1):
        x = _LEFT + mark * _WIDTH
        parts.append(Markup('<line class="grid" x1="{0}" x2="{0}" y1="4" y2="{1}"/>').format(x, height - 22))
        parts.append(
            Markup('<text class="axis" x="{}" y="{}" text-anchor="middle">{}</text>').format(x, height - 6, mark)
        )
    for number, (name, share, (low, high), beside) in enumerate(rows):
        y = number * _ROW + 6
        parts.append(
            Markup(
                '<text x="{}" y="{}" text-anchor="end">{}</text>'
                '<rect class="bar" x="{}" y="{}" width="{:.1f}" height="14" rx="2"/>'
                '<line class="whisker" x1="{:.1f}" x2="{:.1f}" y1="{}" y2="{}"/>'
                '<text class="beside" x="{}" y="{}">{}</text>'
            ).format(
                _LEFT - 10, y + 12, name,
                _LEFT, y, share * _WIDTH,
                _LEFT + low * _WIDTH, _LEFT + high * _WIDTH, y + 7, y + 7,
                _LEFT + _WIDTH + 12, y + 12, beside,
            )
        )  # fmt: skip
    return Markup("").join([*parts, Markup("</svg>")])


def calibration(points: Sequence[tuple[float, float, int]]) -> Markup:
    """Draw what was said (across) against what was true (up); the larger a dot, the more items."""
    side, edge = 320, 58
    parts = [_open(side + 2 * edge, side + 2 * edge, "Confidence said and share that was true")]
    for mark in (0.0, 0.25, 0.5, 0.75, 1.0):
        x, y = edge + mark * side, edge + (1 - mark) * side
        parts.append(
            Markup(
                '<line class="grid" x1="{0}" x2="{0}" y1="{2}" y2="{3}"/>'
                '<line class="grid" x1="{2}" x2="{3}" y1="{1}" y2="{1}"/>'
                '<text class="axis" x="{0}" y="{4}" text-anchor="middle">{5}</text>'
                '<text class="axis" x="{6}" y="{7}" text-anchor="end">{5}</text>'
            ).format(x, y, edge, edge + side, edge + side + 30, mark, edge - 18, y + 4)
        )
    parts.append(Markup('<line class="ideal" x1="{0}" y1="{1}" x2="{1}" y2="{0}"/>').format(edge, edge + side))
    place = [(edge + said * side, edge + (1 - was) * side, of) for said, was, of in points]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y, _ in place)
    parts.append(Markup('<polyline class="curve" points="{}"/>').format(line))
    most = max((of for _, _, of in place), default=1)
    for (x, y, of), (said, was, _) in zip(place, points, strict=True):
        parts.append(
            Markup(
                '<circle class="dot" cx="{:.1f}" cy="{:.1f}" r="{:.1f}">'
                "<title>said {}, was {}: {} items</title></circle>"
            ).format(x, y, 4 + 10 * (of / most) ** 0.5, said, was, of)
        )
    parts.append(
        Markup(
            '<text class="axis" x="{0}" y="{1}" text-anchor="middle">confidence said</text>'
            '<text class="axis" x="14" y="{0}" text-anchor="middle" transform="rotate(-90 14 {0})">share true</text>'
        ).format(edge + side / 2, 2 * edge + side - 8)
    )
    return Markup("").join([*parts, Markup("</svg>")])


def confusion(counts: Mapping[tuple[int, int], int], names: Sequence[str]) -> Markup:
    """Draw how many of a true severity (down) were given which (across); the darker, the larger the row's share."""
    cell, left, top = 72, 110, 48
    size = len(names)
    parts = [_open(left + size * cell + 20, top + size * cell + 12, "Severity: true (down) and said (across)")]
    for column, name in enumerate(names):
        parts.append(Markup('<text x="{}" y="{}" text-anchor="middle">{}</text>').format(
            left + column * cell + cell / 2, top - 14, name))  # fmt: skip
    for row, name in enumerate(names):
        whole = sum(counts.get((row + 1, column + 1), 0) for column in range(size))
        parts.append(Markup('<text x="{}" y="{}" text-anchor="end">{}</text>').format(
            left - 12, top + row * cell + cell / 2 + 4, name))  # fmt: skip
        for column in range(size):
            count = counts.get((row + 1, column + 1), 0)
            share = count / whole if whole else 0.0
            parts.append(
                Markup(
                    '<rect class="cell{}" x="{}" y="{}" width="{}" height="{}" fill-opacity="{:.2f}"/>'
                    '<text x="{}" y="{}" text-anchor="middle"{}>{}</text>'
                ).format(
                    "" if row == column else " off", left + column * cell, top + row * cell, cell - 3, cell - 3,
                    0.06 + 0.8 * share, left + column * cell + cell / 2, top + row * cell + cell / 2 + 4,
                    Markup(' class="over"') if share > 0.55 else "", count,
                )
            )  # fmt: skip
    return Markup("").join([*parts, Markup("</svg>")])


def _open(width: float, height: float, title: str) -> Markup:
    return Markup(
        '<svg role="img" aria-label="{2}" viewBox="0 0 {0} {1}" width="{0}" height="{1}"><title>{2}</title>'
    ).format(width, height, title)
