"""zoo beside ONNX Runtime, PyTorch, rten and tract, on the same networks, in turns.

    python benches/peers/run.py
    python benches/peers/run.py resnet-50 --batch 8 --engines zoo,onnxruntime --rounds 5

Each turn is a process that loads the network, warms up, runs for some seconds and ends: engines
never compete, and what else the machine does meets all of them. Printed are, for each engine,
the fastest run of all rounds and the median of the rounds' medians, and zoo's rate as a multiple
of each engine's. `--json FILE` keeps every turn. docs/performance.md says how to install peers.
"""

import argparse
import importlib.util
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
sys.path.insert(0, str(HERE.parent))

import machine  # noqa: E402
from networks import NETWORKS, Network, call, disagreement, prepare  # noqa: E402

ENGINES = ["zoo", "onnxruntime", "torch", "torch-channels-last", "rten", "tract"]
PACKAGES = ["numpy", "onnxruntime", "torch", "torchvision", "timm"]
PEER_ENGINES = HERE / "engines" / "target" / "release" / "peer-engines"
LONGEST_TURN = 900
"""Seconds after which a turn counts as failed."""


class Turns:
    """How a turn of each engine is started."""

    def __init__(self, arguments: argparse.Namespace):
        self.arguments = arguments
        said = call(arguments.zoo, "bench", "--help")
        self.zoo_takes_threads = "--threads" in said
        self.zoo_rates: dict[tuple[str, int], float] = {}

    def turn(self, engine: str, network: Network, model: str, onnx: Path, batch: int) -> dict:
        """What one turn printed."""
        if engine == "zoo":
            return self.zoo(model, batch)
        options = ["--batch", batch, "--threads", self.arguments.threads]
        options += ["--seconds", self.arguments.seconds]
        if engine in ("rten", "tract"):
            engines = self.arguments.peer_engines
            return self.run(engines, engine, onnx, "--image", network.image, *options)
        worker = HERE / "worker.py"
        return self.run(sys.executable, worker, engine, network.name, onnx, *options)

    def zoo(self, model: str, batch: int) -> dict:
        """A turn of zoo, which counts runs instead of seconds: the first turn finds out how
        many fill the time."""
        rate = self.zoo_rates.get((model, batch))
        if rate is None:
            rate = self.zoo_runs(model, batch, 1)["best_images_per_second"]
            self.zoo_rates[(model, batch)] = rate
        runs = round(self.arguments.seconds * rate / batch)
        return self.zoo_runs(model, batch, min(max(runs, 3), 10_000))

    def zoo_runs(self, model: str, batch: int, runs: int) -> dict:
        command = [self.arguments.zoo, "bench", model, "--batch", batch, "--runs", runs]
        if self.zoo_takes_threads:
            command += ["--threads", self.arguments.threads]
        return self.run(*command, "--json", "--offline")

    def run(self, *command) -> dict:
        threads = str(self.arguments.threads)
        limits = dict.fromkeys(["RAYON_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"], threads)
        done = subprocess.run(
            [str(word) for word in command],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, **limits, "RTEN_NUM_THREADS": threads, "RUST_BACKTRACE": "0"},
            timeout=LONGEST_TURN,
        )
        if done.returncode != 0:
            # Causes of an error stand on the lines below it.
            said = "; ".join(line.strip() for line in done.stderr.splitlines()[-5:] if line.strip())
            raise RuntimeError(f"exit code {done.returncode}: {said or 'it said nothing'}")
        return json.loads(done.stdout)


def why_not(engine: str, network: Network, arguments: argparse.Namespace) -> str | None:
    """What keeps an engine from running a network, if that is known beforehand."""
    if engine in ("rten", "tract") and not arguments.peer_engines.is_file():
        return f"{arguments.peer_engines} is not built"
    package = {"onnxruntime": "onnxruntime"}.get(engine)
    if engine.startswith("torch"):
        package = network.library
    if package and importlib.util.find_spec(package) is None:
        return f"the Python package {package} is not installed"
    return None


def compare(turns: Turns, network: Network, batch: int, files: tuple[str, Path]) -> list[dict]:
    """All rounds of one network and batch: a row for each engine that ran."""
    arguments = turns.arguments
    engines = []
    for engine in arguments.engines:
        reason = why_not(engine, network, arguments)
        if reason:
            say(f"{network.name}: no {engine}: {reason}")
        else:
            engines.append(engine)
    results: dict[str, list[dict]] = {engine: [] for engine in engines}
    for number in range(arguments.rounds):
        # Another engine begins each round, so that none always follows the same one.
        for place in range(len(engines)):
            engine = engines[(number + place) % len(engines)]
            if engine not in results:
                continue
            try:
                result = turns.turn(engine, network, *files, batch)
            except (RuntimeError, ValueError, subprocess.TimeoutExpired) as error:
                say(f"{network.name}, batch {batch}: no {engine}: {error}")
                del results[engine]
                continue
            results[engine].append(result)
            rate = result["median_images_per_second"]
            say(f"{network.name}, batch {batch}, round {number + 1}: {engine} {rate:.1f}")
    rows = [
        {
            "model": network.name,
            "batch": batch,
            "engine": engine,
            "best": max(turn["best_images_per_second"] for turn in all_turns),
            "median": statistics.median(turn["median_images_per_second"] for turn in all_turns),
            "turns": all_turns,
        }
        for engine, all_turns in results.items()
    ]
    ours = next((row for row in rows if row["engine"] == "zoo"), None)
    for row in rows if ours else []:
        row["ratio_best"] = ours["best"] / row["best"]
        row["ratio_median"] = ours["median"] / row["median"]
    return rows


def table(rows: list[dict]) -> str:
    """The rows as Markdown."""
    lines = [
        "| model | batch | engine | images/s, best | images/s, median | zoo / engine, best | median |",
        "|---|--:|---|--:|--:|--:|--:|",
    ]
    for row in rows:
        ratios = " | ".join(
            f"{row[key]:.2f}" if key in row else "" for key in ("ratio_best", "ratio_median")
        )
        lines.append(
            f"| {row['model']} | {row['batch']} | {row['engine']} "
            f"| {row['best']:.1f} | {row['median']:.1f} | {ratios} |"
        )
    return "\n".join(lines)


def say(line: str) -> None:
    """Tells how far it is, where it is not in the way of the table."""
    print(line, file=sys.stderr, flush=True)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    usual = ["resnet-50", "mobilenet-v2", "efficientnet-lite0", "inception-v3"]
    parser.add_argument("models", nargs="*", metavar="MODEL", help=f"of {', '.join(NETWORKS)}")
    parser.add_argument("--batch", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3, help="that a turn runs after warm-up")
    parser.add_argument(
        "--engines",
        default="zoo,onnxruntime,torch,rten,tract",
        help=f"with commas between them, of {', '.join(ENGINES)}",
    )
    parser.add_argument("--zoo", type=Path, default=REPOSITORY / "target" / "release" / "zoo")
    parser.add_argument("--peer-engines", type=Path, default=PEER_ENGINES, metavar="PATH")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every turn there")
    parser.add_argument(
        "--work",
        type=Path,
        default=REPOSITORY / "target" / "benches" / "peers",
        help="where networks are kept for the next time",
    )
    arguments = parser.parse_args()
    arguments.models = arguments.models or usual
    arguments.engines = arguments.engines.split(",")
    for name in set(arguments.models) - set(NETWORKS):
        parser.error(f"no network {name}: there are {', '.join(NETWORKS)}")
    for name in set(arguments.engines) - set(ENGINES):
        parser.error(f"no engine {name}: there are {', '.join(ENGINES)}")
    if min(*arguments.batch, arguments.threads, arguments.rounds) < 1:
        parser.error("batches, threads and rounds begin at 1")
    return arguments


def peer_crates() -> dict[str, str]:
    """The versions of rten and tract that the lock file of the engines pins."""
    import tomllib

    lock = tomllib.loads((HERE / "engines" / "Cargo.lock").read_text())
    wanted = {"rten", "tract-onnx"}
    return {crate["name"]: crate["version"] for crate in lock["package"] if crate["name"] in wanted}


def main() -> None:
    arguments = parse()
    arguments.work.mkdir(parents=True, exist_ok=True)
    report = {"machine": machine.describe(PACKAGES), "threads": arguments.threads}
    versions = report["machine"]["versions"]
    versions.update({"zoo": machine.zoo_version(arguments.zoo), **peer_crates()})
    report["rounds"], report["seconds"] = arguments.rounds, arguments.seconds
    report["disagreement"], rows = {}, []
    turns = Turns(arguments)
    for name in arguments.models:
        network = NETWORKS[name]
        files = prepare(network, arguments.zoo, arguments.work)
        if importlib.util.find_spec("onnxruntime"):
            report["disagreement"][name] = disagreement(arguments.zoo, *files)
        for batch in arguments.batch:
            rows += compare(turns, network, batch, files)
            if arguments.json:
                arguments.json.write_text(json.dumps({**report, "rows": rows}, indent=2) + "\n")
    print(machine.as_text(report["machine"]))
    print(
        f"- {arguments.threads} threads; {arguments.rounds} rounds of turns of "
        f"{arguments.seconds:g} s; best run, and median of the rounds' medians"
    )
    for name, error in report["disagreement"].items():
        known = "not known" if error is None else f"{error:.1e} of the logits' deviation"
        print(f"- {name}: zoo and ONNX Runtime differ by at most: {known}")
    print(f"\n{table(rows)}")


if __name__ == "__main__":
    main()
