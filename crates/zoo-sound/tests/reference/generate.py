"""Writes spectra.json: what librosa and torchaudio make of signals that follow a rule.

    python -m venv venv && venv/bin/pip install librosa torch torchaudio
    venv/bin/python generate.py

The rule, in double precision, for sample i at `rate` Hz with t = i / rate:
three chirps a * sin(2 pi (f t + s t^2 / 2)) with (a, f, s) of CHIRPS, plus 0.02 * u, where u in
[-1, 1) is the upper 53 bits of SplitMix64's i-th number (seed 7) over 2^52, minus 1. Rounded to
32-bit floats at the end. `tests/sound/support.rs` does the same.
"""

import json
import pathlib

import librosa
import numpy as np
import torch
import torchaudio
from torchaudio import transforms

CHIRPS = [(0.4, 150.0, 500.0), (0.2, 1200.0, 3000.0), (0.1, 6500.0, -4000.0)]
MASK = (1 << 64) - 1


def noise(count, state=7):
    values = []
    for _ in range(count):
        state = (state + 0x9E3779B97F4A7C15) & MASK
        z = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        values.append(((z ^ (z >> 31)) >> 11) / 2.0**52 - 1.0)
    return np.array(values)


def signal(rate, seconds):
    count = round(rate * seconds)
    t = np.arange(count) / rate
    chirps = sum(a * np.sin(2 * np.pi * (f * t + s * t * t / 2)) for a, f, s in CHIRPS)
    return (chirps + 0.02 * noise(count)).astype(np.float32)


def mel(**fields):
    """Fields of `LogMel` that are not the default of the library that is imitated."""
    return fields


TORCH = mel(fft=400, hop=200, padding="reflect", scale="htk", norm="none")
LIBROSA = mel(fft=2048, hop=512, mels=128, padding="zeros", scale="slaney", norm="slaney")
DECIBEL = mel(log="decibel", top_db=80.0)


def cases():
    for rate in [16000, 22050]:
        x = signal(rate, 0.6)
        y = torch.from_numpy(x)

        def case(name, front_end, values):
            return name, rate, front_end, np.asarray(values, dtype=np.float64)

        torch_mel = transforms.MelSpectrogram(rate, n_fft=400, n_mels=40)(y)
        front_end = {"kind": "log_mel", **TORCH, "mels": 40}
        yield case("torchaudio MelSpectrogram, power", {**front_end, "log": "none"}, torch_mel)
        yield case(
            "torchaudio MelSpectrogram, ln(x + 1e-6)",
            {**front_end, "log": "natural", "floor": 1e-6, "floor_by": "add"},
            torch.log(torch_mel + 1e-6),
        )
        # 128 bands of 201 frequencies: some are empty, and torchaudio warns.
        yield case(
            "torchaudio MFCC with its defaults",
            {"kind": "mfcc", "coefficients": 40, **TORCH, **DECIBEL, "mels": 128,
             "empty_bands": True},
            transforms.MFCC(rate)(y),
        )
        yield case(
            "torchaudio MelSpectrogram, magnitudes, short Hamming window, not centred",
            {"kind": "log_mel", **TORCH, "fft": 512, "window": 400, "hop": 160, "mels": 40,
             "window_shape": "hamming", "center": False, "power": 1.0, "low": 60.0,
             "high": 7600.0, "log": "decibel"},
            transforms.AmplitudeToDB("magnitude")(
                transforms.MelSpectrogram(
                    rate, n_fft=512, win_length=400, hop_length=160, n_mels=40, power=1.0,
                    center=False, f_min=60.0, f_max=7600.0, window_fn=torch.hamming_window,
                )(y)
            ),
        )

        librosa_mel = librosa.feature.melspectrogram(y=x, sr=rate)
        front_end = {"kind": "log_mel", **LIBROSA}
        yield case("librosa melspectrogram, power", {**front_end, "log": "none"}, librosa_mel)
        yield case(
            "librosa power_to_db, top_db 80",
            {**front_end, **DECIBEL},
            librosa.power_to_db(librosa_mel, top_db=80.0),
        )
        for count in [13, 20]:
            yield case(
                f"librosa mfcc, {count} coefficients",
                {"kind": "mfcc", "coefficients": count, **LIBROSA, **DECIBEL},
                librosa.feature.mfcc(y=x, sr=rate, n_mfcc=count),
            )
        # whisper.audio.log_mel_spectrogram without its padding to 30 s.
        window = torch.hann_window(400)
        power = torch.stft(y, 400, 160, window=window, return_complex=True)[:, :-1].abs() ** 2
        filters = torch.from_numpy(librosa.filters.mel(sr=rate, n_fft=400, n_mels=80))
        log = torch.clamp(filters @ power, min=1e-10).log10()
        log = torch.maximum(log, log.max() - 8.0)
        yield case(
            "Whisper",
            {"kind": "log_mel", **TORCH, "hop": 160, "mels": 80, "drop_last": True,
             "scale": "slaney", "norm": "slaney", "log": "log10",
             "range": {"dynamic": 8.0, "add": 4.0, "divide": 4.0}},
            (log + 4.0) / 4.0,
        )
        # torchcrepe.preprocess.
        frames = torch.nn.functional.pad(y[None], (512, 512))
        frames = torch.nn.functional.unfold(
            frames[:, None, None, :], kernel_size=(1, 1024), stride=(1, 160)
        )[0].T
        frames = frames - frames.mean(dim=1, keepdim=True)
        frames = frames / torch.max(torch.tensor(1e-10), frames.std(dim=1, keepdim=True))
        yield case(
            "torchcrepe frames",
            {"kind": "frames", "length": 1024, "hop": 160, "center": True, "normalise": True},
            frames,
        )


def some(count, most):
    """Indices from the first to the last, both included, with their neighbours."""
    inner = np.linspace(0, count - 1, most).round().astype(int).tolist()
    return sorted({*inner, min(1, count - 1), max(count - 2, 0)})


def main():
    written = []
    for name, rate, front_end, values in cases():
        rows = some(values.shape[0], 8)
        columns = some(values.shape[1], 5)
        written.append(
            {
                "name": name,
                "sound": {"rate": rate, "front_end": front_end},
                "shape": list(values.shape),
                "rows": rows,
                "columns": columns,
                "ranges": [float(f"{np.ptp(values[row]):.7g}") for row in rows],
                "values": [[float(f"{values[r, c]:.8g}") for c in columns] for r in rows],
            }
        )
    file = pathlib.Path(__file__).with_name("spectra.json")
    header = {
        "librosa": librosa.__version__,
        "torch": torch.__version__,
        "torchaudio": torchaudio.__version__,
    }
    cases_text = ",\n".join(json.dumps(case, separators=(",", ":")) for case in written)
    file.write_text(f'{{"versions": {json.dumps(header)}, "cases": [\n{cases_text}\n]}}\n')


if __name__ == "__main__":
    main()
