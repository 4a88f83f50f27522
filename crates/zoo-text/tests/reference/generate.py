"""Writes words.json and neighbours.json beside this file.

    python generate.py words
    python generate.py neighbours FIXTURES

The first needs nothing but Python (3.13 was used: Unicode 15.1), the second NumPy and the folder of
fixtures. Everything is computed in the plainest way, in 64 bits.
"""

import gzip
import json
import random
import re
import sys
import unicodedata
from pathlib import Path

HERE = Path(__file__).parent
WORD = re.compile(r"\w+|[^\w\s]")

# Every kind of character that rules differ on: marks, digits of other scripts, letters that grow
# when they are lowered, final sigmas, invisible ones, and all kinds of white space.
PIECES = """
the The THE don't it's e-mail snake_case __init__ 3rd 3.14 1,000 a.b.c U.S. #tag @name $5 50% ... -- ''
Müller naïve café e\u0301 o\u0308 ǅungla ŒUVRE straße STRASSE ß ẞ İstanbul ı Ⅷ ⅷ ① Ⓐ ² ³ ½ ٣ १२ 一二 日本語 한국어
ΟΔΟΣ ΣΑΣ Σ ΑΣ. ΑΣΑ σς Привет ПРИВЕТ שלום مرحبا नमस्ते हिन्दी ไทย தமிழ் 👍 👩‍👧 🇩🇪 ™ © ª º µ ʰ ˈ ͅ ა Ა
\u200b \u200d \ufeff \u00ad \u0345 \u20dd \u093e \u24b6 \u2160 \u3007 \u00b7 \u2019 “quoted” « » — –
""".split()
SPACES = [
    " ", "  ", "\t", "\n", "\r\n", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x1f", "\x85",
    "\u00a0", "\u1680", "\u2003", "\u2028", "\u2029", "\u202f", "\u205f", "\u3000", "", "", "",
]


def ranges(holds):
    """The code points for which `holds`, as pairs of first and last."""
    found = []
    for code in range(sys.maxunicode + 1):
        if holds(chr(code)):
            if found and found[-1][1] == code - 1:
                found[-1][1] = code
            else:
                found.append([code, code])
    return found


def write(name, value):
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"))
    (HERE / name).write_text(text.replace("],[", "],\n[").replace("},{", "},\n{") + "\n")


def words():
    random.seed(7)
    texts = [random.choice(SPACES) + piece for piece in PIECES] + ["", " ", "\x1f"]
    while len(texts) < 400:
        length = random.randrange(1, 9)
        texts.append("".join(random.choice(PIECES + SPACES) for _ in range(length)))
    assigned = lambda c: unicodedata.category(c) not in ("Cn", "Cs", "Co")
    write("words.json", {
        "unicode": unicodedata.unidata_version,
        "assigned": ranges(assigned),
        "word": ranges(lambda c: assigned(c) and re.fullmatch(r"\w", c)),
        "space": ranges(lambda c: assigned(c) and re.fullmatch(r"\s", c)),
        "texts": [
            {"text": text, "words": WORD.findall(text), "lower": WORD.findall(text.lower())}
            for text in texts
        ],
    })


def neighbours(fixtures):
    import numpy

    vocabulary, rows = [], []
    with gzip.open(fixtures / "words/glove.6B.50d.first40k.txt.gz", "rt", encoding="utf-8") as file:
        for line in file:
            word, *numbers = line.rstrip("\n").split(" ")
            vocabulary.append(word)
            rows.append(numpy.array(numbers, dtype=numpy.float32))
    matrix = numpy.stack(rows).astype(numpy.float64)
    unit = matrix / numpy.linalg.norm(matrix, axis=1, keepdims=True)
    index = {word: row for row, word in enumerate(vocabulary)}

    def best(query, exclude, top):
        similarity = unit @ (query / numpy.linalg.norm(query))
        order = numpy.argsort(-similarity, kind="stable")
        chosen = [int(row) for row in order if row not in exclude][:top]
        return [[vocabulary[row], round(float(similarity[row]), 7)] for row in chosen]

    def accuracy(limit):
        sections = []
        for line in (fixtures / "words/questions-words.txt").read_text().splitlines():
            if line.startswith(":"):
                sections.append([line[1:].strip(), 0, 0, 0, []])
                continue
            asked = [index.get(word.lower(), limit) for word in line.split()]
            if max(asked) < limit:
                sections[-1][4].append(asked)
            else:
                sections[-1][3] += 1
        for section in sections:
            asked = numpy.array(section.pop())
            section[2] = len(asked)
            for batch in numpy.array_split(asked, max(1, len(asked) // 256)):
                a, b, c, d = batch.T
                similarity = (unit[b] - unit[a] + unit[c]) @ unit[:limit].T
                for given in (a, b, c):
                    similarity[numpy.arange(len(batch)), given] = -numpy.inf
                section[1] += int((similarity.argmax(axis=1) == d).sum())
        return sections

    asked = ["the", "king", "france", "7", "python", "running", "beautiful", "microsoft", "."]
    analogies = [["man", "king", "woman"], ["france", "paris", "italy"], ["good", "better", "bad"],
                 ["walk", "walked", "go"], ["king", "king", "queen"]]
    write("neighbours.json", {
        "nearest": [
            {"word": word, "best": best(unit[index[word]], {index[word]}, 10)} for word in asked
        ],
        "analogies": [
            {"given": given, "best": best(unit[b] - unit[a] + unit[c], {a, b, c}, 5)}
            for given in analogies
            for a, b, c in [[index[word] for word in given]]
        ],
        "accuracy": [
            {"restrict": limit, "sections": accuracy(limit)} for limit in (10000, len(vocabulary))
        ],
    })


if sys.argv[1] == "words":
    words()
else:
    neighbours(Path(sys.argv[2]))
