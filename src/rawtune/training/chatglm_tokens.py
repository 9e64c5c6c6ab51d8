"""ChatGLM3's tokenizer: SentencePiece for text, and control tokens that exist as ids only.

A conversation is put together segment by segment, each encoded on its own, as the model was trained. Text is never
searched for control tokens, so that ``<|user|>`` in a question, or ``sop`` in "philosophy", is text like any other.
"""

import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from pathlib import Path

from rawtune.errors import MissingDependency, ModelUnavailable, UsageError
from rawtune.training.tokens import Encoded

VOCABULARY = "tokenizer.model"
CONTROL = (
    *("[MASK]", "[gMASK]", "[sMASK]", "sop", "eop"),
    *("<|system|>", "<|user|>", "<|assistant|>", "<|observation|>"),
)
"""They follow the vocabulary's own pieces in this order."""
_MARK = {"tokenizer_class": "ChatGLMTokenizer"}


class ChatGLMTokenizer:
    """The tokenizer of the ChatGLM3 model in ``folder``, in its original layout or converted.

    ``special`` gives the ids of all tokens that are not text. Raises ``ModelUnavailable`` if the vocabulary is not
    readable, ``MissingDependency`` without the library.
    """

    def __init__(self, folder: Path) -> None:
        try:
            from sentencepiece import SentencePieceProcessor
        except ImportError as error:
            raise MissingDependency(
                f"ChatGLM3's vocabulary needs a library that is not installed: {error}", "pip install 'rawtune[train]'"
            ) from error
        self._file = folder / VOCABULARY
        try:
            self._pieces = SentencePieceProcessor(model_file=str(self._file))
        except (OSError, RuntimeError) as error:
            raise ModelUnavailable(
                f"{self._file}: not a SentencePiece vocabulary", "give the folder of a whole ChatGLM3 model"
            ) from error
        self.eos_token_id: int = self._pieces.eos_id()
        self.pad_token_id: int = self._pieces.unk_id()  # never met in text: what has no piece is spelt in bytes
        own = [i for i in range(self._pieces.vocab_size()) if self._pieces.is_control(i) or self._pieces.is_unknown(i)]
        self.special = {self._pieces.id_to_piece(i): i for i in own} | {
            token: self._pieces.vocab_size() + i for i, token in enumerate(CONTROL)
        }

    def __len__(self) -> int:
        return int(self._pieces.vocab_size()) + len(CONTROL)

    @staticmethod
    def wrote(folder: Path | str) -> bool:
        """Whether ``folder`` was written by ``save_pretrained``."""
        try:
            mark = json.loads((Path(folder) / "tokenizer_config.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return False
        return bool(mark == _MARK)

    def save_pretrained(self, folder: Path) -> None:
        """Write all that another instance needs into ``folder``."""
        shutil.copyfile(self._file, folder / VOCABULARY)
        (folder / "tokenizer_config.json").write_text(json.dumps(_MARK) + "\n", encoding="utf-8")

    def conversation(self, turns: Sequence[Mapping[str, str]], answering: bool = False) -> Encoded:
        """``turns`` of ``role`` and ``content`` as the model reads them, with the loss mask grown alongside.

        An answer that ends them is learnt, with the line break before it, which the model writes itself, and with the
        end of text; earlier ones are not. With ``answering`` the ids go as far as the model is to go on from. Raises
        ``UsageError`` naming a role that the model does not have.
        """
        row, answered = Encoded(), False
        row.grow([self.special["[gMASK]"], self.special["sop"]], learn=False)
        for number, turn in enumerate(turns, 1):
            role = self.special.get(f"<|{turn['role']}|>")
            if role is None:
                raise UsageError(
                    f"turn {number}: ChatGLM3 has no role '{turn['role']}'",
                    "its roles are system, user, assistant and observation",
                )
            row.grow([role], learn=False)
            answered = turn["role"] == "assistant" and number == len(turns) and not answering
            row.grow([*self._pieces.encode("\n"), *self._pieces.encode(turn["content"])], learn=answered)
        if answering:
            row.grow([self.special["<|assistant|>"]], learn=False)
        elif answered:
            row.grow([self.eos_token_id], learn=True)
        return row

    def decode(self, ids: Iterable[int], skip_special_tokens: bool = False) -> str:
        """The text of ``ids``; ids beyond the last token, which only pad the embedding, have none."""
        names = {i: token for token, i in self.special.items()}
        text = ""
        for special, run in groupby((int(i) for i in ids if i < len(self)), key=names.__contains__):
            if not special:
                text += self._pieces.decode(list(run))
            elif not skip_special_tokens:
                text += "".join(names[i] for i in run)
        return text

    def batch_decode(self, batch: Iterable[Iterable[int]], skip_special_tokens: bool = False) -> list[str]:
        """The text of each row of ``batch``."""
        return [self.decode(ids, skip_special_tokens) for ids in batch]
