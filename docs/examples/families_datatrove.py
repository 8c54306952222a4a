"""Spun families on a cluster: datatrove's MinHash stages over reduced text, then slots family by family.

    python docs/examples/families_datatrove.py INPUT OUTPUT [PROCESSES]

INPUT is a folder of JSON lines with `text` and `id`; OUTPUT/families.jsonl is as `detector families` writes it. On a
cluster put SlurmPipelineExecutor or RayPipelineExecutor for the local one: the stages are the same.
"""

import json
import sys
from collections import defaultdict
from collections.abc import Iterator

from datatrove.data import Document as Row
from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.dedup import (
    MinhashDedupBuckets,
    MinhashDedupCluster,
    MinhashDedupFilter,
    MinhashDedupSignature,
)
from datatrove.pipeline.dedup.minhash import MinhashConfig
from datatrove.pipeline.readers import JsonlReader
from datatrove.pipeline.writers import JsonlWriter
from datatrove.utils.hashing import HashConfig
from datatrove.utils.text import TextNormConfig
from datatrove.utils.word_tokenizers import WhitespaceTokenizer

from detector import Document
from detector.families import find_families, reduced_text

TASKS = 2
AS_IT_IS = TextNormConfig(norm_numbers=False, remove_punctuation=False, norm_unicode_diacritics=False)
MINHASH = MinhashConfig(
    n_grams=2,
    num_buckets=64,
    hashes_per_bucket=3,
    norm_config=AS_IT_IS,
    hash_config=HashConfig(hash_fc="sha1"),
)
"""n_grams=2: a shingle is a pair of neighbours in the reduced text. For the other two see docs/families.md."""


def reduce(rows: Iterator[Row], rank: int = 0, world_size: int = 1) -> Iterator[Row]:
    """The one step of our own: what MinHash sees is the reduced text."""
    for row in rows:
        row.metadata["original"] = row.text
        row.text = reduced_text(row.text)
        yield row


def restore(rows: Iterator[Row], rank: int = 0, world_size: int = 1) -> Iterator[Row]:
    """The original text back in its place, of documents in clusters."""
    for row in rows:
        row.text = row.metadata.pop("original")
        if row.metadata["minhash_cluster_id"] >= 0:
            yield row


def run(source: str, target: str, workers: int) -> None:
    signatures = LocalPipelineExecutor(
        [JsonlReader(source), reduce,
         MinhashDedupSignature(f"{target}/signatures", config=MINHASH, language=WhitespaceTokenizer())],
        tasks=TASKS, workers=workers, logging_dir=f"{target}/logs/signatures",
    )  # fmt: skip
    buckets = LocalPipelineExecutor(
        [MinhashDedupBuckets(f"{target}/signatures", f"{target}/buckets", config=MINHASH)],
        tasks=MINHASH.num_buckets, workers=workers, logging_dir=f"{target}/logs/buckets", depends=signatures,
    )  # fmt: skip
    clusters = LocalPipelineExecutor(
        [MinhashDedupCluster(f"{target}/buckets", f"{target}/clusters", config=MINHASH, save_cluster_id=True)],
        tasks=1, logging_dir=f"{target}/logs/clusters", depends=buckets,
    )  # fmt: skip
    LocalPipelineExecutor(
        [JsonlReader(source), reduce,
         MinhashDedupFilter(f"{target}/clusters", JsonlWriter(f"{target}/others"), load_cluster_ids=True),
         restore, JsonlWriter(f"{target}/first")],
        tasks=TASKS, workers=workers, logging_dir=f"{target}/logs/filter", depends=clusters,
    ).run()  # fmt: skip


def families(target: str) -> Iterator[dict[str, object]]:
    """Verify each cluster and find its slots: any number of these may run at once, a share of the clusters each."""
    clusters = defaultdict(list)
    for folder in ("first", "others"):
        for row in JsonlReader(f"{target}/{folder}")():
            text = row.metadata.get("original", row.text)
            clusters[row.metadata["minhash_cluster_id"]].append(Document(text, row.id))
    for number, documents in clusters.items():
        for family in find_families(documents):
            for record in family.records():
                yield {**record, "family": f"{number}.{record['family']}"}


if __name__ == "__main__":
    run(sys.argv[1], sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 1)
    with open(f"{sys.argv[2]}/families.jsonl", "w", encoding="utf-8") as out:
        out.writelines(json.dumps(record) + "\n" for record in families(sys.argv[2]))
