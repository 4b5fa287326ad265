# SPDX-License-Identifier: Apache-2.0
"""Token ids and weights of a few hundred prompts, by transformers' CLIPTokenizer under ComfyUI's prompt rules.

The vocabulary is the file of the open_clip_torch wheel. ComfyUI's rules (groups in parentheses, chunks of 77) are
written here a second time, from their description, so that the C++ has something independent to agree with.
"""

from __future__ import annotations

import gzip
import importlib.util
import itertools
import json
import pathlib
import random
import re
from typing import Any

CHUNK = 77
START, END = 49406, 49407
LARGE_GROUP = 8

PLAIN = [
    "",
    " ",
    "a photo of a cat",
    "A Photo Of A CAT",
    "masterpiece, best quality, 1girl, solo, (cinematic lighting:1.3), 8k uhd, dslr",
    "don't can't I'll we've they're he's I'd I'm IT'S",
    "rock'n'roll 'tis o'clock ''quoted'' 's 't!'s",
    "12345 3.14 1,000,000 2nd 4k 16:9 50mm f/1.8",
    "hello\nworld\ttabs\r\nand  many   spaces",
    "under_score kebab-case camelCase dot.ted path/to/file #hash @at",
    "email@example.com https://example.com/?q=1&r=2#frag",
    "!!! ??? ... --- ___ *** ~~~ ``` $$$ %%% ^^^ &&& +++ === |||",
    "<|startoftext|> literal <|endoftext|> tokens <|ENDOFTEXT|>",
    "<lora:detail:0.8> [from:to:0.5] {a|b}",
    "a" * 300,
    "antidisestablishmentarianism supercalifragilisticexpialidocious",
]
UNICODE = [
    "café naïve façade Ångström Ünïcödé",
    "cafe\u0301 nai\u0308ve A\u030a o\u0302\u0323 o\u0323\u0302",
    "İstanbul ıssız ŞĞÇ Straße ẞ ΑΣ ς Σ",
    "Привет мир ЁЖИК Україна",
    "日本語のテスト 漢字かな交じり文 中文測試 简体中文",
    "한국어 테스트 \u1112\u1161\u11ab\u1100\u1173\u11af",
    "שלום עולם مرحبا بالعالم नमस्ते दुनिया สวัสดี",
    "😀😃😄 👩‍👩‍👧‍👦 🏳️‍🌈 👍🏽 🇯🇵 ❤️ ☕",
    "½ ² ³ ① Ⅷ ٣ ४ 五 ㊿",
    "x\u00a0y\u2003z\u200bw\u3000v\u0085u\ufeff",
    "“curly” ‘quotes’ — dash … ellipsis • bullet © ® ™ € £ ¥",
    "a\u0000b\u0001c\u007f",
    "a\u030d\u0301 a\u0301\u030d e\u0327\u0301\u0306 \u0301x",
    "\ufffd \U0001f9ff \U00020000 \U0010ffff \u0378",
    "ﬁ ﬂ ﷺ ㍿ Ǆ ǅ ǆ Ⅻ",
    "\u2126 \u212b \u0340 \u0f73 \uf900 \u2adc",
]
WEIGHTS = [
    "(a)",
    "((a))",
    "(((deep)))",
    "(a:1.2)",
    "(a:0.5) b (c:2)",
    "((a:1.3) b)",
    "((a):1.1)",
    "foo ((((lol (cat:666) attack:100)))) baz",
    "foo ((((lol (cat:666) attack):100))) baz",
    "(a:b:1.5)",
    "(:1.5)",
    "(a:)",
    "(a: 1.5 )",
    "(a:1_0)",
    "(a:_1)",
    "(a:1__0)",
    "(a:1e-1) (b:+.5) (c:5.) (d:-1) (e:--1) (f:+-1)",
    "(a:1.5.2) (b:0x10) (c:1,5)",
    "(unclosed group",
    "closed too often) (after) it",
    ") a (b) c (d",
    "()",
    "(())",
    "( )",
    "a \\(escaped\\) b (weighted \\(inner\\):1.4)",
    "\\\\(a\\\\) \\(",
    "(a\\:1.2) \\",
    "(日本:1.25) (😀:0.75)",
    "(one)(two)(three:0.1)four",
    "(a:1.0)",
    "(zero:0)",
    "(tiny:1e-400)",
    "red(blue)green",
]
LONG = [
    "word " * 74,
    "word " * 75,
    "word " * 76,
    "word " * 200,
    "word " * 70 + "(one two three four five six:1.3)",
    "word " * 70 + "(one two three four five six seven eight:1.3) tail",
    "word " * 75 + "(a b c d e f g h:0.9)",
    "(" + "many words " * 60 + ":1.2)",
    ", ".join(f"(tag {i}:{0.5 + i / 40:.3f})" for i in range(60)),
    "x" * 2000,
]
ALPHABET = [
    *"abcdefghijklmnopqrstuvwxyzABCDEFGH",
    *"0123456789",
    *"     ..,,'!-",
    *"()()():\\",
    "'s",
    "'ll",
    "é",
    "e\u0301",
    "ß",
    "Σ",
    "日",
    "の",
    "한",
    "😀",
    "\u200d",
    "\n",
]


def random_prompts(count: int) -> list[str]:
    rng = random.Random(20240607)
    return ["".join(rng.choices(ALPHABET, k=rng.randint(1, 60))) for _ in range(count)]


def byte_symbols() -> list[str]:
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    return [chr(byte) for byte in printable] + [chr(256 + i) for i in range(len(others))]


def make_tokenizer() -> Any:
    from transformers import CLIPTokenizer

    spec = importlib.util.find_spec("open_clip")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("pip install --no-deps open_clip_torch==3.3.0")
    path = pathlib.Path(spec.submodule_search_locations[0]) / "bpe_simple_vocab_16e6.txt.gz"
    lines = gzip.decompress(path.read_bytes()).decode().split("\n")[1 : 49152 - 256 - 2 + 1]
    merges: Any = [(line.split()[0], line.split()[1]) for line in lines]
    symbols = byte_symbols()
    names = [*symbols, *(s + "</w>" for s in symbols), *(a + b for a, b in merges), "<|startoftext|>", "<|endoftext|>"]
    return CLIPTokenizer(vocab={name: i for i, name in enumerate(names)}, merges=merges)


def cut_groups(text: str) -> list[str]:
    """Outermost (...) and the text between; a closing parenthesis too many ends grouping until it is made up for."""
    parts, depth, begin = [], 0, 0
    for i, char in enumerate(text):
        if char == "(":
            if depth == 0 and i > begin:
                parts.append(text[begin:i])
                begin = i
            depth += 1
        elif char == ")":
            depth -= 1
            if depth == 0:
                parts.append(text[begin : i + 1])
                begin = i + 1
    return parts + ([text[begin:]] if text[begin:] else [])


def weigh(text: str, weight: float) -> list[tuple[str, float]]:
    segments: list[tuple[str, float]] = []
    for part in cut_groups(text):
        match = re.fullmatch(r"\((.*)\)", part, re.DOTALL)
        if not match:
            segments.append((part, weight))
            continue
        inner, inner_weight = match[1], weight * 1.1
        name, colon, value = inner.rpartition(":")
        if colon and name:
            try:
                inner, inner_weight = name, float(value)
            except ValueError:
                inner = match[1]
        segments += weigh(inner, inner_weight)
    return segments


def tokenize(tokenizer: Any, prompt: str) -> tuple[list[int], list[float]]:
    hidden = prompt.replace("\\)", "\0\1").replace("\\(", "\0\2")
    chunks: list[list[tuple[int, float]]] = [[(START, 1.0)]]

    def close() -> None:
        chunks[-1] += [(END, 1.0)] * (CHUNK - len(chunks[-1]))

    for text, weight in weigh(hidden, 1.0):
        shown = text.replace("\0\1", ")").replace("\0\2", "(")
        group = [(token, weight) for token in tokenizer(shown)["input_ids"][1:-1]]
        large = len(group) >= LARGE_GROUP
        while group:
            room = CHUNK - 1 - len(chunks[-1])
            take = min(room, len(group)) if large or len(group) <= room else 0
            chunks[-1] += group[:take]
            group = group[take:]
            if group:
                close()
                chunks.append([(START, 1.0)])
    close()
    return [t for chunk in chunks for t, _ in chunk], [w for chunk in chunks for _, w in chunk]


def runs(values: list[Any]) -> list[list[Any]]:
    """[[count, value], ...]"""
    return [[len(list(group)), value] for value, group in itertools.groupby(values)]


def make(out_dir: pathlib.Path) -> None:
    tokenizer = make_tokenizer()
    lines = []
    for prompt in [*PLAIN, *UNICODE, *WEIGHTS, *LONG, *random_prompts(200)]:
        tokens, weights = tokenize(tokenizer, prompt)
        case = {"prompt": prompt, "tokens": runs(tokens), "weights": runs(weights)}
        lines.append(json.dumps(case, separators=(",", ":")))
    (out_dir / "tokenizer.json").write_text("[\n" + ",\n".join(lines) + "\n]\n")
