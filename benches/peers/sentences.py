"""Sentences a second: ONNX Runtime on what `zoo export` writes, and `zoo adapt` on the same texts.

    python sentences.py --zoo ZOO --model MODEL.zoo --tokenizer tokenizer.json --data DATA.csv

Both tokenise, cut at 256 tokens and run each text by itself; zoo's time is that of the step
`features` in its report, ONNX Runtime's that of tokenising and running. Needs numpy, onnxruntime and
tokenizers.
"""
import argparse
import csv
import re
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import onnxruntime
from tokenizers import Tokenizer


def runtime(onnx, tokenizer, texts, threads, workers):
    """Seconds for all texts; with two workers each has one thread, as zoo's do."""
    from concurrent.futures import ThreadPoolExecutor

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(onnx), options, providers=["CPUExecutionProvider"])
    names = [info.name for info in session.get_inputs()]
    types = {info.name: np.float32 if "float" in info.type else np.int64 for info in session.get_inputs()}
    tokenizer = Tokenizer.from_file(str(tokenizer))
    tokenizer.no_padding()
    tokenizer.enable_truncation(256)

    def one(text):
        encoded = tokenizer.encode(text)
        by_name = {"input_ids": encoded.ids, "token_type_ids": encoded.type_ids}
        ones = [1] * len(encoded.ids)
        feeds = {n: np.array([by_name.get(n, ones)], dtype=types[n]) for n in names}
        return session.run(None, feeds)[0][0]

    one(texts[0])
    start = time.perf_counter()
    if workers == 1:
        features = [one(text) for text in texts]
    else:
        with ThreadPoolExecutor(workers) as pool:
            features = list(pool.map(one, texts))
    return time.perf_counter() - start, np.array(features)


def zoo(program, model, data):
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "x.zoo"
        line = [program, "adapt", model, "--data", data, "--out", out, "--no-cache", "--quiet", "--json"]
        subprocess.run([str(part) for part in line], check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
        report = out.with_suffix(".html").read_text()
    row = re.search(r"<td>features</td><td class=\"right\">([^<]*)</td>", report).group(1)
    number, unit = re.match(r"([\d.]+)\s*(\w+)", row).groups()
    return float(number) * {"ms": 1e-3, "s": 1.0, "min": 60.0}[unit]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--zoo", default="target/release/zoo")
    parser.add_argument("--model", required=True)
    parser.add_argument("--tokenizer", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    with open(args.data, newline="", encoding="utf-8") as file:
        texts = [row["text"] for row in csv.DictReader(file)]
    with tempfile.TemporaryDirectory() as folder:
        onnx = Path(folder) / "model.onnx"
        subprocess.run([args.zoo, "export", args.model, "--format", "onnx", "--out", str(onnx)],
                       check=True, stdout=subprocess.DEVNULL)
        best = {}
        for _ in range(args.rounds):
            for name, run in {
                "zoo": lambda: zoo(args.zoo, args.model, args.data),
                "onnxruntime, 2 threads": lambda: runtime(onnx, args.tokenizer, texts, 2, 1)[0],
                "onnxruntime, 2 workers": lambda: runtime(onnx, args.tokenizer, texts, 1, 2)[0],
            }.items():
                best[name] = min(best.get(name, float("inf")), run())
    for name, seconds in best.items():
        print(f"{name:24} {len(texts) / seconds:8.1f} texts a second")
