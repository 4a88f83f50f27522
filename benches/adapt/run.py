"""The whole of `zoo adapt`, from start to report, with and without features that are known.

    python benches/adapt/run.py --fixtures DIR
    python benches/adapt/run.py --fixtures DIR --data noto-emoji --rounds 5 --peers

Data are the 424 emoji of examples/noto-emoji and the first 2,000 training pictures of
Fashion-MNIST; networks are efficientnet-lite0 from inside the program and torchvision's
mobilenet-v2. DIR (or `ZOO_FIXTURES`) has `models/mobilenet_v2-b0353104.pth` and
`datasets/fashion-mnist/*.gz`; what needs a file that is not there is left out with a line.

Each round runs every case twice: cold, from a cache with nothing but the bundle in it, and warm,
right after it, with all features known. Fetching and converting are not timed. `--peers` adds
features once by torchvision and a head by scikit-learn (torch_features.py), in the same rounds.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
sys.path.insert(0, str(HERE.parent))

import machine  # noqa: E402
from data import unpack_fashion_mnist  # noqa: E402

PACKAGES = ["numpy", "pillow", "torch", "torchvision", "scikit-learn"]
FASHION_PICTURES = 2000
CHECKPOINT = Path("models") / "mobilenet_v2-b0353104.pth"


@dataclass
class Case:
    """One way to one classifier, and how long it took each time."""

    data: str
    model: str
    way: str
    seconds: list[float] = field(default_factory=list)
    accuracies: dict[str, float] = field(default_factory=dict)

    def row(self) -> dict:
        """The case with its best and median seconds."""
        return {
            "data": self.data,
            "model": self.model,
            "way": self.way,
            "best_seconds": min(self.seconds),
            "median_seconds": statistics.median(self.seconds),
            "seconds": self.seconds,
            **self.accuracies,
        }


class Bench:
    """Runs of the program and of the peer, each with a cache of its own."""

    def __init__(self, arguments: argparse.Namespace):
        self.arguments = arguments
        limits = ["RAYON_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"]
        self.threads = dict.fromkeys(limits, str(arguments.threads))

    def zoo(self, cache: Path, *command) -> str:
        """Runs the program on `cache` and gives back what it printed."""
        environment = {**os.environ, **self.threads, "ZOO_CACHE": str(cache)}
        words = [str(word) for word in (self.arguments.zoo, *command)]
        # Where no zoo.toml of this repository speaks along.
        done = subprocess.run(words, capture_output=True, text=True, env=environment, cwd=cache)
        if done.returncode != 0:
            sys.exit(f"`{' '.join(words)}` failed:\n{done.stderr}")
        return done.stdout

    def cold_and_warm(self, model: str, data: Path, cold: Case, warm: Case) -> None:
        """One run of each."""
        with tempfile.TemporaryDirectory(dir=self.arguments.work) as folder:
            cache = Path(folder)
            if not model.endswith(".zoo"):
                self.zoo(cache, "pull", model, "--offline")
            for case in (cold, warm):
                start = time.perf_counter()
                said = self.zoo(
                    cache, "adapt", model, "--data", data, "--out", cache / "adapted.zoo",
                    "--offline", "--json",
                )  # fmt: skip
                case.seconds.append(time.perf_counter() - start)
                result = json.loads(said)
                if (case is warm) != (result["computed_features"] == 0):
                    sys.exit(f"{result['computed_features']} features were computed, {case.way}")
                case.accuracies["held_out_accuracy"] = result["evaluation"]["accuracy"]
                case.accuracies["held_out_pictures"] = result["evaluation"]["examples"]
                say(case)

    def torch(self, checkpoint: Path, data: Path, case: Case) -> None:
        """One run of the peer."""
        command = [sys.executable, HERE / "torch_features.py", data, checkpoint]
        command += ["--threads", self.arguments.threads]
        start = time.perf_counter()
        done = subprocess.run(
            [str(word) for word in command],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            env={**os.environ, **self.threads},
        )
        case.seconds.append(time.perf_counter() - start)
        case.accuracies["five_fold_accuracy"] = json.loads(done.stdout)["five_fold_accuracy"]
        say(case)


def say(case: Case) -> None:
    """Tells how far it is, where it is not in the way of the table."""
    what = f"{case.data}, {case.model}, {case.way}: {case.seconds[-1]:.1f} s"
    print(what, file=sys.stderr, flush=True)


def table(rows: list[dict]) -> str:
    """The rows as Markdown."""
    lines = ["| data | model | way | s, best | s, median | accuracy |", "|---|---|---|--:|--:|---|"]
    for row in rows:
        if "held_out_accuracy" in row:
            share, count = row["held_out_accuracy"], row["held_out_pictures"]
            accuracy = f"{share:.1%} of {count} held out"
        else:
            accuracy = f"{row['five_fold_accuracy']:.1%} over five folds"
        lines.append(
            f"| {row['data']} | {row['model']} | {row['way']} | {row['best_seconds']:.2f} "
            f"| {row['median_seconds']:.2f} | {accuracy.replace('%', ' %')} |"
        )
    return "\n".join(lines)


def datasets(arguments: argparse.Namespace) -> dict[str, Path]:
    """Those that were asked for and are there, by name."""
    found = {}
    if "noto-emoji" in arguments.data:
        found["noto-emoji"] = REPOSITORY / "examples" / "noto-emoji"
    if "fashion-mnist" in arguments.data:
        source = arguments.fixtures and arguments.fixtures / "datasets" / "fashion-mnist"
        if source and source.is_dir():
            target = arguments.work / f"fashion-mnist-{FASHION_PICTURES}"
            found["fashion-mnist"] = unpack_fashion_mnist(source, target, FASHION_PICTURES)
        else:
            print("no fashion-mnist: it is in no folder of --fixtures", file=sys.stderr)
    return found


def models(arguments: argparse.Namespace, bench: Bench) -> tuple[dict[str, str], Path | None]:
    """What to give `zoo adapt`, by name, and the checkpoint of mobilenet-v2 if it is there."""
    found = {"efficientnet-lite0": "efficientnet-lite0"}
    checkpoint = arguments.fixtures and arguments.fixtures / CHECKPOINT
    if not checkpoint or not checkpoint.is_file():
        print("no mobilenet-v2: its weights are in no folder of --fixtures", file=sys.stderr)
        return found, None
    bundle = arguments.work / "mobilenet-v2.zoo"
    if not bundle.exists():
        bench.zoo(
            arguments.work, "convert", checkpoint, "--arch", "mobilenet-v2", "--out", bundle
        )
    found["mobilenet-v2"] = str(bundle)
    return found, checkpoint


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    known = ["noto-emoji", "fashion-mnist"]
    parser.add_argument("--data", nargs="+", choices=known, default=known)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--peers", action="store_true", help="run torchvision and scikit-learn too")
    parser.add_argument("--fixtures", type=Path, default=os.environ.get("ZOO_FIXTURES"))
    parser.add_argument("--zoo", type=Path, default=REPOSITORY / "target" / "release" / "zoo")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every run there")
    parser.add_argument(
        "--work",
        type=Path,
        default=REPOSITORY / "target" / "benches" / "adapt",
        help="where pictures and bundles are kept for the next time",
    )
    arguments = parser.parse_args()
    if min(arguments.rounds, arguments.threads) < 1:
        parser.error("rounds and threads begin at 1")
    arguments.fixtures = arguments.fixtures and Path(arguments.fixtures).resolve()
    arguments.zoo, arguments.work = arguments.zoo.resolve(), arguments.work.resolve()
    return arguments


def main() -> None:
    arguments = parse()
    arguments.work.mkdir(parents=True, exist_ok=True)
    bench = Bench(arguments)
    described = machine.describe(PACKAGES)
    described["versions"]["zoo"] = machine.zoo_version(arguments.zoo)
    known, checkpoint = models(arguments, bench)
    cases: dict[tuple[str, str, str], Case] = {}

    def case(*key: str) -> Case:
        return cases.setdefault(key, Case(*key))

    for _ in range(arguments.rounds):
        for name, folder in datasets(arguments).items():
            for model, target in known.items():
                cold, warm = case(name, model, "zoo, cold"), case(name, model, "zoo, warm")
                bench.cold_and_warm(target, folder, cold, warm)
            if arguments.peers and checkpoint:
                peer = case(name, "mobilenet-v2", "torchvision and scikit-learn")
                bench.torch(checkpoint, folder, peer)
        rows = [each.row() for each in cases.values()]
        if arguments.json:
            report = {"machine": described, "threads": arguments.threads, "rows": rows}
            arguments.json.write_text(json.dumps(report, indent=2) + "\n")
    print(machine.as_text(described))
    print(f"- {arguments.threads} threads; {arguments.rounds} rounds\n\n{table(rows)}")


if __name__ == "__main__":
    main()
