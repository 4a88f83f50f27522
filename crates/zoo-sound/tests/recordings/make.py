"""Makes two-tones.{flac,mp3,ogg} of a WAV file that follows a rule, with ffmpeg.

The rule: 0.25 s, 44.1 kHz, two channels of 16 bits; sample i on the left is
round(12000 sin(2 pi 440 i / 44100)), on the right round(9000 sin(2 pi 1000 i / 44100)).
"""

import math
import pathlib
import struct
import subprocess
import tempfile
import wave

RATE = 44100
COUNT = RATE // 4


def tone(amplitude, hertz, i):
    return math.floor(amplitude * math.sin(2 * math.pi * hertz * i / RATE) + 0.5)


def main():
    folder = pathlib.Path(__file__).parent
    with tempfile.TemporaryDirectory() as temporary:
        source = pathlib.Path(temporary) / "two-tones.wav"
        with wave.open(str(source), "wb") as file:
            file.setparams((2, 2, RATE, COUNT, "NONE", ""))
            for i in range(COUNT):
                file.writeframes(struct.pack("<hh", tone(12000, 440, i), tone(9000, 1000, i)))
        for name, codec in [
            ("flac", ["-c:a", "flac", "-metadata_header_padding", "0"]),
            ("mp3", ["-c:a", "libmp3lame", "-b:a", "64k"]),
            ("ogg", ["-c:a", "libvorbis", "-q:a", "1", "-page_duration", "50000"]),
        ]:
            exact = ["-bitexact", "-map_metadata", "-1"]
            command = ["ffmpeg", "-y", "-loglevel", "error", "-i", str(source), *codec, *exact]
            subprocess.run([*command, str(folder / f"two-tones.{name}")], check=True)


if __name__ == "__main__":
    main()
