"""How long does the report over N accounts take: built at first, with nothing changed, and with one account changed?

    python benchmarks/report.py [--accounts 300] [--posts 500] [--models 3] [--json]

The artifacts are invented, without any training, as the tests invent them: a timeline of so many posts each, cleaned by
the real rules, and so many models judged one after the other. W&B is disabled: an account's page is one more run there.
The exit code is 1 if the first build takes a minute of processor time or more, the overview has 2 MB or more, a page is
made again that did not change, or one that did is not.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from hugtweets.report.step import report
from hugtweets.storage.home import Home
from tests.fixtures.reports import invented_texts, jobs, learn

MOST_SECONDS = 60
MOST_BYTES = 2_000_000


@dataclass(frozen=True)
class Build:
    """One build: seconds by the clock and of processor time, pages made, and the size of the overview."""

    build: str
    wall_seconds: float
    cpu_seconds: float
    pages_made: int
    overview_bytes: int
    site_mb: float


def build(name: str, home: Home, handles: list[str]) -> Build:
    """Bring the site up to date."""
    wall, cpu = time.monotonic(), time.process_time()
    done = report(jobs(home, *handles))
    return Build(
        build=name,
        wall_seconds=round(time.monotonic() - wall, 2),
        cpu_seconds=round(time.process_time() - cpu, 2),
        pages_made=sum(not page.cached for page in done.values()),
        overview_bytes=(home.report / "index.html").stat().st_size,
        site_mb=round(sum(path.stat().st_size for path in home.report.rglob("*") if path.is_file()) / 1e6, 1),
    )


def measure(home: Home, accounts: int, posts: int, models: int) -> list[Build]:
    """All three builds."""
    handles = [f"account_{number:04}" for number in range(accounts)]
    for place, handle in enumerate(handles):
        texts = invented_texts(handle, posts)
        for night in range(models):
            learn(home, handle, texts, bits=1.3 + (place % 70) / 100 - night / 50)
    builds = [build("first", home, handles), build("nothing changed", home, handles)]
    learn(home, handles[0], bits=1.1)
    return [*builds, build("one account changed", home, handles)]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--accounts", type=int, default=300)
    parser.add_argument("--posts", type=int, default=500, help="of each account")
    parser.add_argument("--models", type=int, default=3, help="judged, of each account")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        builds = measure(Home(Path(folder)), options.accounts, options.posts, options.models)
    if options.json:
        print(json.dumps([asdict(found) for found in builds], indent=2))
    else:
        print("| build | wall s | CPU s | pages made | overview, KB | site, MB |")
        print("| --- | ---: | ---: | ---: | ---: | ---: |")
        for found in builds:
            print(
                f"| {found.build} | {found.wall_seconds:.1f} | {found.cpu_seconds:.1f} | {found.pages_made} "
                f"| {found.overview_bytes / 1000:,.0f} | {found.site_mb:.1f} |"
            )
    kept = builds[0].cpu_seconds < MOST_SECONDS and builds[0].overview_bytes < MOST_BYTES
    sys.exit(0 if kept and [found.pages_made for found in builds] == [options.accounts, 0, 1] else 1)


if __name__ == "__main__":
    main()
