"""`codegrey feeds check --from FILE` beside a plain loop over feedparser, on small odd feeds, in one run.

    python -m bench.ingest_check [--feeds 2242] [--rounds 3]

Each feed is of about a kilobyte and has one or more peculiarities, as in suites that test feed readers: versions,
namespaces, encodings, markup, dates, what is not well-formed. Both sides fetch from a server on loopback. The last
line is one JSON object; `ratio` is the loop's time divided by ours.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

LOOP = """
import sys
from urllib.request import urlopen
import feedparser
for line in open(sys.argv[1]):
    with urlopen(line.strip(), timeout=10) as answer:
        found = feedparser.parse(answer.read(), response_headers=dict(answer.headers))
    sys.stdout.write(f"{len(found.entries)} {found.feed.get('title')}\\n")
"""
DC = "xmlns:dc='http://purl.org/dc/elements/1.1/'"
_RSS_EXTRAS = (
    "<dc:date>2026-01-05T10:00:00Z</dc:date>",
    "<category domain='x'>a</category><category>b</category>",
    "<author>a@b.example (A. Writer)</author>",
    "<enclosure url='http://feeds.example/a.mp3' length='12' type='audio/mpeg'/>",
    "<content:encoded><![CDATA[<p>Longer <b>text</b></p>]]></content:encoded>",
    "<itunes:summary>For the ears</itunes:summary>",
    "<media:group><media:content url='http://feeds.example/v.mp4'/></media:group>",
    "<source url='http://feeds.example/o.xml'>Origin</source>",
    "<geo:lat>48.1</geo:lat><geo:long>11.5</geo:long>",
    "<xhtml:body xmlns:xhtml='http://www.w3.org/1999/xhtml'><xhtml:p>Inside</xhtml:p></xhtml:body>",
    "",
)
_DATES = (
    "Mon, 05 Jan 2026 10:00:00 GMT",
    "5 Jan 26 10:00 EST",
    "2026-01-05T10:00:00+01:00",
    "2026-01-05",
    "01/05/2026 10:00",
    "Monday, 5 January 2026",
    "",
)
_WORDS = ("bridge harbour council school library festival museum valley budget winter river season station").split()
_ATOM_TEXTS = (
    "<summary>Plain text</summary>",
    "<summary type='html'>&lt;p&gt;Some &lt;i&gt;markup&lt;/i&gt;&lt;/p&gt;</summary>",
    "<content type='xhtml'><div xmlns='http://www.w3.org/1999/xhtml'><p>In <b>XHTML</b></p></div></content>",
    "<content type='text/plain' mode='escaped'>Escaped</content>",
    "<content type='application/octet-stream' mode='base64'>RXhhbXBsZQ==</content>",
    "<content src='http://feeds.example/elsewhere'/>",
)


def odd_feed(number: int) -> tuple[bytes, str]:
    """Write feed `number`, and the content type that it is served with."""
    chance = random.Random(number)
    words = " ".join(chance.choices(_WORDS, k=9))
    kind = chance.choice(("rss20", "rss20", "rss20", "atom10", "atom10", "atom10", "rss091", "rdf", "atom03", "json"))
    date = chance.choice(_DATES)
    items = range(chance.choice((1, 1, 1, 2, 4)))
    if kind == "json":
        entries = [{"id": str(n), "url": f"http://feeds.example/{n}", "title": words} for n in items]
        given = {"version": "https://jsonfeed.org/version/1.1", "title": words, "items": entries}
        return json.dumps(given).encode(), "application/feed+json"
    if kind.startswith("atom"):
        text = "".join(_atom_entry(chance, words, number, n) for n in items)
        space = "http://www.w3.org/2005/Atom" if kind == "atom10" else "http://purl.org/atom/ns#"
        version = "" if kind == "atom10" else " version='0.3'"
        base = chance.choice(("", "", " xml:base='http://feeds.example/deep/'", " xml:lang='de'"))
        document = f"<feed xmlns='{space}'{version}{base}><title>{words}</title><id>urn:{number}</id>{text}</feed>"
    else:
        text = "".join(_rss_item(chance, words, date, number, n) for n in items)
        if kind == "rdf":
            document = (
                "<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#' xmlns='http://purl.org/rss/1.0/' "
                f"{DC}><channel rdf:about='http://feeds.example/'><title>{words}</title></channel>"
                + "".join(
                    f"<item rdf:about='u:{n}'><title>{words} {n}</title><dc:date>{date}</dc:date></item>" for n in items
                )
                + "</rdf:RDF>"
            )
        else:
            document = (
                f"<rss version='{'2.0' if kind == 'rss20' else '0.91'}' {DC} "
                "xmlns:content='http://purl.org/rss/1.0/modules/content/' xmlns:media='http://search.yahoo.com/mrss/' "
                "xmlns:itunes='http://www.itunes.com/dtds/podcast-1.0.dtd' "
                "xmlns:geo='http://www.w3.org/2003/01/geo/wgs84_pos#'>"
                f"<channel><title>{words}</title><link>http://feeds.example/</link>{text}</channel></rss>"
            )
    damage = chance.choice(("", "", "", "", "cut", "bare", "entity"))
    if damage == "cut":
        document = document[: len(document) * 3 // 4]
    elif damage:
        document = document.replace("</title>", " & more</title>" if damage == "bare" else " &eacute;&nbsp;</title>", 1)
    encoding = chance.choice(("utf-8", "utf-8", "utf-8", "iso-8859-1", "utf-16", "windows-1252"))
    kind = chance.choice(("application/xml", "text/xml", "application/rss+xml", "text/plain", "application/atom+xml"))
    return f"<?xml version='1.0' encoding='{encoding}'?>{document}".encode(encoding), kind


def _atom_entry(chance: random.Random, words: str, number: int, n: int) -> str:
    link = chance.choice((f"http://feeds.example/{number}/{n}", f"/{number}/{n}"))
    author = chance.choice(("", "<author><name>A. Writer</name><email>a@b.example</email></author>"))
    return (
        f"<entry><id>urn:{number}:{n}</id><title>{words} {n}</title><link href='{link}'/>{author}"
        f"<updated>2026-01-05T10:0{n}:00Z</updated>{chance.choice(_ATOM_TEXTS)}</entry>"
    )


def _rss_item(chance: random.Random, words: str, date: str, number: int, n: int) -> str:
    guid = chance.choice(
        (f"<guid>http://feeds.example/{number}/{n}</guid>", f"<guid isPermaLink='false'>{n}</guid>", "")
    )
    text = chance.choice(("Some words", "&lt;p&gt;Some &lt;b&gt;words&lt;/b&gt;&lt;/p&gt;"))
    return (
        f"<item><title>{words} {n}</title><link>http://feeds.example/{number}/{n}</link>{guid}"
        f"<description>{text}</description>"
        f"<pubDate>{date}</pubDate>{chance.choice(_RSS_EXTRAS)}</item>"
    )


async def _serve(feeds: int) -> None:
    answers = []
    for number in range(feeds):
        body, kind = odd_feed(number)
        head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
        answers.append(head.encode() + body)

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write(answers[int(head.split(b" ", 2)[1].strip(b"/.xml"))])
                await writer.drain()
                if b"connection: close" in head.lower():
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(one, "127.0.0.1", 0, backlog=256)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


def _timed(command: list[str]) -> tuple[float, float, int]:
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(command, stdout=subprocess.PIPE, check=False)
    took, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return took, cpu, done.stdout.count(b"\n")


def measure(feeds: int, rounds: int) -> dict[str, Any]:
    """Run both by turns; return the medians."""
    publisher = subprocess.Popen(
        [sys.executable, "-m", "bench.ingest_check", "--serve", "--feeds", str(feeds)], stdout=subprocess.PIPE
    )
    took: dict[str, list[tuple[float, float]]] = {"check": [], "loop": []}
    try:
        assert publisher.stdout is not None
        port = int(publisher.stdout.readline())
        with tempfile.TemporaryDirectory(prefix="codegrey-bench-") as folder:
            addresses = Path(folder, "addresses.txt")
            addresses.write_text("".join(f"http://127.0.0.1:{port}/{n}.xml\n" for n in range(feeds)), "utf-8")
            check = [sys.executable, "-m", "services.launcher.cli", "feeds", "check", "--json", "--allow-private"]
            commands = {
                "check": [*check, "--from", str(addresses)],
                "loop": [sys.executable, "-c", LOOP, str(addresses)],
            }
            for _ in range(rounds):
                for name, command in commands.items():
                    seconds, cpu, lines = _timed(command)
                    if lines != feeds:
                        raise SystemExit(f"{name} answered {lines} of {feeds}")
                    took[name].append((seconds, cpu))
                    sys.stderr.write(f"  {name:<6}{seconds:6.2f} s  cpu {cpu:6.2f} s\n")
    finally:
        publisher.kill()
        publisher.wait()
    medians = {name: [statistics.median(figures) for figures in zip(*some, strict=True)] for name, some in took.items()}
    (check_s, check_cpu), (loop_s, loop_cpu) = medians["check"], medians["loop"]
    return {
        "feeds": feeds,
        "check_s": round(check_s, 2),
        "loop_s": round(loop_s, 2),
        "ratio": round(loop_s / check_s, 2),
        "check_cpu_s": round(check_cpu, 2),
        "loop_cpu_s": round(loop_cpu, 2),
    }


def main() -> None:
    """Measure and print, or serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--feeds", type=int, default=2_242)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--serve", action="store_true")
    options = parser.parse_args()
    if options.serve:
        asyncio.run(_serve(options.feeds))
        return
    sys.stdout.write(json.dumps(measure(options.feeds, options.rounds)) + "\n")


if __name__ == "__main__":
    main()
