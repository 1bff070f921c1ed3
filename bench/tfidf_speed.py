"""Compare the time of our TF-IDF with scikit-learn's, on the same texts.

tfidf_speed.py [tibkat_gnd] [-n 20000] [--ngrams 2]
Both run in one process and take turns, so that a busy machine slows both; the median counts. The
second figure is the time of one text of about 140 words.
"""

from __future__ import annotations

import argparse
import gzip
import json
import time
from collections.abc import Callable
from itertools import islice
from statistics import median
from typing import Any

import numpy as np
import sklearn
from common import data_root, record
from sklearn.feature_extraction.text import TfidfVectorizer

from labeltree.text.tfidf import Tfidf

BENCH = "tfidf_speed"
ROUNDS = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", nargs="?", default="tibkat_gnd", help="folder in LABELTREE_DATA")
    parser.add_argument("-n", "--n-documents", type=int, default=None, help="first N texts only")
    parser.add_argument("--ngrams", type=int, default=1, help="longest run of words")
    args = parser.parse_args()
    texts = read_texts(args.data, args.n_documents)
    systems: dict[str, Any] = {
        "labeltree": Tfidf(ngrams=args.ngrams),
        "scikit-learn": TfidfVectorizer(
            sublinear_tf=True, min_df=2, dtype=np.float32, ngram_range=(1, args.ngrams)
        ),
    }
    singles = [text for text in texts if 135 <= len(text.split()) <= 145][:200]

    def fit(tfidf: Any) -> None:
        tfidf.fit_transform(texts)

    def transform(tfidf: Any) -> None:
        for text in singles:
            tfidf.transform([text])

    about = {"data": args.data, "n_documents": len(texts), "ngrams": args.ngrams}
    compare("fit_transform", fit, systems, about)
    compare("transform one text", transform, systems, about, share=1 / max(1, len(singles)))


def read_texts(data: str, n: int | None) -> list[str]:
    with gzip.open(data_root() / data / "train.jsonl.gz", "rt", encoding="utf8") as lines:
        return [json.loads(line)["text"] for line in islice(lines, n)]


def compare(
    what: str,
    work: Callable[[Any], None],
    systems: dict[str, Any],
    about: dict[str, Any],
    share: float = 1.0,
) -> None:
    """Time `work` on each system in turns; record the median, times `share`."""
    times: dict[str, list[float]] = {name: [] for name in systems}
    for _ in range(ROUNDS):
        for name, system in systems.items():
            start = time.perf_counter()
            work(system)
            times[name].append(time.perf_counter() - start)
    for name in systems:
        seconds = float(f"{median(times[name]) * share:.4g}")
        values = {**about, "what": what, "system": name, "seconds": seconds}
        record(BENCH, **values, scikit_learn=sklearn.__version__)
    print(f"{what}: {median(times['scikit-learn']) / median(times['labeltree']):.2f} times as fast")


if __name__ == "__main__":
    main()
