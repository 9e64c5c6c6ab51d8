import pytest
from hypothesis import given
from hypothesis import strategies as st

from rawtune.llm.tokens import estimate_tokens
from rawtune.passages.split import samples, split
from rawtune.records import Document, content_hash

TEXTS = st.text(alphabet=st.sampled_from("ab 。.,，！3\n\n\n \t\u3000甲乙丙"), max_size=300)


def pieces(documents, max_tokens=512):
    return list(split(documents, max_tokens))


def document(text):
    return Document("raw/a.txt", "0" * 64, text)


def cut(text, max_tokens=512):
    return [passage.text for passage in split([document(text)], max_tokens)]


@pytest.mark.parametrize("gap", ["\n\n", "\n\n\n\n\n", "\n \n", "\n\t\n", "\n\u3000\u3000\n", "\n \n\t\n\u3000\n\n"])
@pytest.mark.parametrize("end", ["", "\n", "\n\n\n", "\n  \n"])
@pytest.mark.parametrize("start", ["", "\n\n", " \n"])
def test_any_blank_lines_separate_samples(gap, end, start):
    parts = ["蒙卦\n山下出泉。", "Xu\nClouds above heaven.", "讼"]
    assert cut(start + gap.join(parts) + end) == parts


def test_one_sample():
    assert cut("山下出泉") == ["山下出泉"]
    assert cut("one line\nanother line\n") == ["one line\nanother line"]


def test_indented_lines_stay_within_their_sample():
    assert cut("第一行\n　　第二行\n\tthird") == ["第一行\n　　第二行\n\tthird"]


def test_a_passage_knows_where_it_stands():
    first = Document("raw/a.txt", "1" * 64, "\n甲。\n\n乙。\n")
    second = Document("raw/b.txt", "2" * 64, "C.")
    passages = pieces([first, second])
    assert [(p.document, p.document_sha256[0], p.start, p.end) for p in passages] == [
        ("raw/a.txt", "1", 1, 3),
        ("raw/a.txt", "1", 5, 7),
        ("raw/b.txt", "2", 0, 2),
    ]


@given(TEXTS, st.integers(16, 40))
def test_spans_hold_and_nothing_but_white_space_is_lost(text, max_tokens):
    passages = pieces([document(text)], max_tokens)
    covered = [at for passage in passages for at in range(passage.start, passage.end)]
    assert all(passage.text == text[passage.start : passage.end] for passage in passages)
    assert all(0 < estimate_tokens(passage.text) <= max_tokens for passage in passages)
    assert covered == sorted(set(covered))
    assert set(range(len(text))) - set(covered) <= {at for at, char in enumerate(text) if char.isspace()}
    assert len({passage.id for passage in passages}) == len(passages)


@given(TEXTS)
def test_samples_hold_no_blank_line(text):
    for start, end in samples(text):
        lines = text[start:end].split("\n")
        assert all(line.strip() for line in lines)


def test_a_long_sample_is_split_at_sentence_ends_and_filled_up():
    sentences = [f"第{number}句话讲的是山下出泉。" for number in range(20)]  # 12 to 14 tokens each
    passages = cut("".join(sentences), 40)
    assert "".join(passages) == "".join(sentences)
    assert all(passage.endswith("。") for passage in passages)
    assert all(passage.count("。") == 3 for passage in passages[:6])  # a fourth would not fit
    english = " ".join(f"Sentence number {number} is about a spring." for number in range(20))
    assert " ".join(cut(english, 40)) == english
    assert all(passage.endswith(".") for passage in cut(english, 40))


def test_a_sample_of_exactly_the_limit_stays_whole():
    assert cut("甲" * 39 + "。", 40) != cut("甲" * 40 + "。" * 5, 40)
    assert cut("甲。" * 16, 32 - 16 + 4) == ["甲。" * 16]  # 16 characters and 16 / 4 others
    assert len(cut("甲。" * 17, 20)) == 2


@given(TEXTS, st.integers(16, 40))
def test_a_sample_stays_whole_exactly_if_its_tokens_fit(text, max_tokens):
    whole = {text[start:end] for start, end in samples(text) if estimate_tokens(text[start:end]) <= max_tokens}
    split_up = {text[start:end] for start, end in samples(text)} - whole
    passages = set(cut(text, max_tokens))
    assert whole <= passages
    assert not split_up & passages


def test_samples_are_never_joined_however_short():
    assert cut("甲。\n\n乙。", 512) == ["甲。", "乙。"]


def test_an_enormous_sentence_is_cut_at_a_comma_or_space_near_the_middle():
    clause = "山下出泉而未知其所往"  # 10 tokens
    passages = cut("，".join([clause] * 16), 32)
    assert len(passages) > 1
    assert all(passage.removesuffix("，").endswith("往") for passage in passages)
    words = cut("spring " * 200, 32)
    assert all(set(passage.split()) == {"spring"} for passage in words)


@pytest.mark.parametrize("character", ["山", "x"])
def test_an_enormous_sentence_without_any_break_is_halved(character):
    text = character * 5000
    passages = cut(text, 32)
    assert "".join(passages) == text
    assert max(map(estimate_tokens, passages)) <= 32
    assert min(map(estimate_tokens, passages)) >= 16  # halves, not crumbs


def test_the_id_is_the_hash_of_the_text_and_repeats_are_numbered():
    first, second, third, other = split([document("同。\n\n同。\n\n同。\n\n异。")], 512)
    assert first.id == content_hash("同。")
    assert (second.id, third.id) == (f"{first.id}-2", f"{first.id}-3")
    assert other.id == content_hash("异。")


def test_repeats_are_numbered_across_files():
    passages = pieces([document("same"), Document("raw/b.txt", "1" * 64, "same")])
    assert passages[1].id == f"{passages[0].id}-2"


def test_an_id_survives_edits_elsewhere_in_the_file():
    before, after = pieces([document("甲。\n\n乙。")]), pieces([document("新的一段。\n\n乙。\n\n甲。")])
    assert {p.id for p in before} < {p.id for p in after}


def test_passages_come_while_the_documents_are_still_being_read():
    begun = []

    def library():
        for name in "甲乙":
            begun.append(name)
            yield document(f"{name}一。\n\n{name}二。")

    passages = split(library(), 512)
    assert begun == []
    assert next(passages).text == "甲一。"
    assert next(passages).text == "甲二。"
    assert begun == ["甲"]
    assert [passage.text for passage in passages] == ["乙一。", "乙二。"]
