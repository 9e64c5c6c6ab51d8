from rawtune.verification.units import characters, stems, units


def test_units_are_characters_and_pairs_of_chinese_and_stems_of_words():
    assert units("蒙卦, the beginner begins Üben!") == {"蒙", "卦", "蒙卦", "begin", "üben"}


def test_no_pair_reaches_over_what_stands_between():
    assert characters("山，水 and 火\n风") == {"山", "水", "火", "风"}
    assert characters("no such character") == stems("山水") == set()
