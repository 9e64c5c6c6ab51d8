"""Three filters of Data-Juicer over the answers of a JSONL file; check_speed.py runs this in the peer's own Python.

usage: python peer_data_juicer.py FILE [PROCESSES]

Its Python API is used, which was measured to be faster than its command, `dj-process`, on the same rows.
"""

import sys

from data_juicer.core.data import NestedDataset
from data_juicer.ops.filter import CharacterRepetitionFilter, SpecialCharactersFilter, TextLengthFilter
from datasets import load_dataset


def main() -> None:
    path, processes = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 1
    filters = (TextLengthFilter, SpecialCharactersFilter, CharacterRepetitionFilter)
    rows = NestedDataset(load_dataset("json", data_files=path, split="train"))
    kept = rows.process([kind(text_key="answer", num_proc=processes) for kind in filters])
    print(f"{len(kept)} of {len(rows)} rows kept")


if __name__ == "__main__":  # its processes import this file anew
    main()
