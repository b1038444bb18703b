"""The dictionary that makes a short message short: words that chats are made of, known to both sides.

A message of 200 bytes holds too little for a compressor to learn from, so it learns beforehand, from
`corpus.txt`. A value in Redis names the dictionary's version: a new one (`python -m causerie.cache.dictionary`)
needs a new `VERSION`, and old values are then simply misses.
"""

import random
from collections import defaultdict
from pathlib import Path

import zstandard

VERSION = 1
LEVEL = 6
MAX_TEXT_BYTES = 128 * 1024

_HERE = Path(__file__).parent
_CORPUS = _HERE / "corpus.txt"
_TRAINED = _HERE / f"history-{VERSION}.dict"
_TRAINED_BYTES = 16 * 1024


class Damaged(ValueError):
    """Bytes that no compressor with this dictionary wrote."""


class TextCompressor:
    """Compresses one message's text at a time. Not for several threads at once."""

    def __init__(self, dictionary: bytes) -> None:
        trained = zstandard.ZstdCompressionDict(dictionary)
        parameters = zstandard.ZstdCompressionParameters.from_level(
            LEVEL,
            # Who reads knows what it is: no magic number, no dictionary id, no checksum beside our own.
            format=zstandard.FORMAT_ZSTD1_MAGICLESS,
            write_content_size=True,
            write_checksum=False,
            write_dict_id=False,
        )
        self.compress = zstandard.ZstdCompressor(dict_data=trained, compression_params=parameters).compress
        self._decompressor = zstandard.ZstdDecompressor(
            dict_data=trained, max_window_size=MAX_TEXT_BYTES, format=zstandard.FORMAT_ZSTD1_MAGICLESS
        )

    def decompress(self, data: bytes) -> bytes:
        """Raises: Damaged."""
        try:
            return self._decompressor.decompress(data, max_output_size=MAX_TEXT_BYTES)
        except zstandard.ZstdError as error:
            raise Damaged(str(error)) from error


def load() -> TextCompressor:
    return TextCompressor(_TRAINED.read_bytes())


def train(corpus: str) -> bytes:
    """Learn from sentences nobody wrote: the corpus's words in likely and in random order.

    Were its own sentences the samples, they would be found whole and the rest of the language, which is what
    real messages are made of, would be rated as rare.
    """
    chance = random.Random(VERSION)
    sentences = [line.split() for line in corpus.splitlines() if line]
    samples = [*_likely(sentences, chance, 6_000), *_random(sentences, chance, 3_000)]
    samples += [_EXTRAS[place % len(_EXTRAS)] + "\0" + text for place, text in enumerate(samples[:600])]
    trained = zstandard.train_dictionary(_TRAINED_BYTES, [text.encode() for text in samples], level=LEVEL)
    return trained.as_bytes()


_EXTRAS = (
    '["text","",{"mentions":["anna","ben"]}]',
    '["image","",{"width":1024,"height":768,"alt":"photo"}]',
    '["file","",{"file_name":"document.pdf","size":48213}]',
    '["system","",{"action":"member_added","user_id":"user-17"}]',
    '["text","msg-1763715600123-1",{}]',
    '["text","",{"source":"web","lang":"en","tags":["urgent"],"url":"https://example.com/"}]',
)


def _likely(sentences: list[list[str]], chance: random.Random, count: int) -> list[str]:
    follows: dict[str, list[str]] = defaultdict(list)
    for words in sentences:
        for word, following in zip(["", *words], [*words, ""], strict=True):
            follows[word].append(following)
    samples = []
    for _ in range(count):
        length = chance.choice([40, 80, 120, 200, 200, 300])
        words, word = [], ""
        while len(" ".join(words)) < length:
            word = chance.choice(follows[word])
            if word:
                words.append(word)
        samples.append(" ".join(words)[:length])
    return samples


def _random(sentences: list[list[str]], chance: random.Random, count: int) -> list[str]:
    words = [word for sentence in sentences for word in sentence]
    return [" ".join(chance.choices(words, k=chance.choice([5, 15, 30, 40]))) for _ in range(count)]


if __name__ == "__main__":
    _TRAINED.write_bytes(train(_CORPUS.read_text(encoding="utf-8")))
