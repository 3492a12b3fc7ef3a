"""The reviews match their documentation: labelled by meaning, balanced, with new combinations in the test part."""

# ruff: noqa: RUF001 - Chinese has its own punctuation

from __future__ import annotations

import csv
import gzip
import hashlib
import re
from collections import Counter
from functools import cache
from pathlib import Path

import pytest
from make_reviews_sample import LANGUAGES, Frame, Language, sentences

from zoo.datasets.reviews_sample import PATH, reviews_sample

DOCS = Path(__file__).parents[2] / "docs" / "data.md"
ENGLISH, CHINESE = LANGUAGES
KERAS_FILTERS = str.maketrans(dict.fromkeys('!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~', " "))

# One example of each frame, labelled by a reader.
LABELLED = {
    ("english", "positive"): """
        The film turned out to be clever.
        I found our hotel great, and so did my sister.
        There is no doubt that the play is great.
        This novel is nothing if not nice.
        Rarely have I come across such a good resort.
        Everyone told me that the phone is useful, and they were right.
        My wife called this dish good, and I can only agree.
        I cannot help finding this book lovely.
        The movie is every bit as good as people say.
        How great the play is!
        Whatever others may say, this book is good.
        The phone is far from mediocre.
        This is by no means an annoying show.
        Nobody could call this play tedious.
        Everyone told me that the movie is predictable, and they were wrong.
        My husband called our dinner bland, but I cannot agree.
        There is nothing dull about the book.
        This dish pleased both me and my wife.
        I did not expect it, and yet the show pleased me.
        The story never bored me for a moment.
        I cannot say that this play irritated me.
        Our hotel turned out to be a gem.
        I can only describe the show as a winner.
        The story was anything but a flop.
        My sister expected a mess, but the resort is the very opposite.
        The dish was just warm enough.
        This phone is not a bit too big.
        The show was exactly as long as it should be.
        Nobody could call the drama too slow.
        The salad may be bad, but the meal as a whole was pleasant.
        Despite a lousy case, it is a handy tablet.
        At first I thought it was bad, but in the end this show proved inspired.
        The film was not dreary but remarkable.
        The plot disappointed me, but as a whole this novel is great.
        The book is exciting rather than clumsy.
        Although the lobby is shabby, nobody could call the resort gloomy.
        This book is not only moving but also nice.
        The charger is wonderful, and the phone as a whole is good too.
        """,
    ("english", "negative"): """
        This show is genuinely boring.
        What a lousy movie this was!
        Nobody can deny that the book is clumsy.
        It is hard not to call this film bad.
        The resort is dingy, no question about it.
        I have never come across such a confusing drama.
        I was told to expect a shallow movie, and that is exactly what I got.
        A lousy hostel, just as I had expected.
        This really is a poor meal.
        Who would have thought that the resort would be so dirty?
        You will seldom find such a poor phone.
        The show is anything but witty.
        Our hotel is not tidy at all.
        This is hardly a nice phone.
        Lovely is the last word I would use for this play.
        I was told to expect a nice comedy, and I got the very opposite.
        A gripping book? Certainly not this one.
        This show truly irritated me.
        There is no denying that the phone irritated me.
        If anything has bored me this year, it is the musical.
        Nothing about the phone charmed me.
        The phone is a real letdown.
        What a bore the movie was!
        Nobody will deny that this hotel is a failure.
        Calling this movie a joy would be quite wrong.
        The novel is a little too slow.
        The show is far too slow for my taste.
        I only wish the movie were not so long.
        The dish was so heavy that I wanted my money back.
        The ending is good, but all in all it is a tedious story.
        Although the plot was exciting, the novel itself was clumsy.
        Apart from a welcoming garden, everything about the guesthouse was dingy.
        I had expected a handy laptop, yet what I got was poor.
        The ending was witty, but in the end this movie annoyed me.
        This movie was dreary, although the plot was great.
        This laptop may not be bad, but it is certainly flimsy.
        The opening is inspired, yet this play is anything but lovely.
        The book was both unpleasant and mediocre.
        The concert was neither lovely nor nice.
        """,
    ("chinese", "positive"): """
        这场演出太生动了！
        不得不说，这份外卖确实很地道。
        没想到这份外卖这么用心。
        邻居说这部手机很靠谱，果然没错。
        那份套餐不是一般的地道。
        真是一款顺手的手机！
        难道这家宾馆还不够温馨吗？
        这顿饭新鲜得出乎我的意料。
        怎么会有这么紧凑的片子！
        谁能说他的新书不好看呢？
        这台相机其实并不粗糙。
        这可算不上一款山寨的手机。
        谁说这本小说肤浅？
        邻居说那顿饭很糟糕，其实根本不是那么回事。
        这部手机哪里鸡肋了？
        原以为这部手机会很糟糕，结果完全相反。
        不得不承认，这本新书让我很惊喜。
        这本书让弟弟和我都很佩服。
        那顿饭从来没有让我生气过。
        要说这场演出让我头疼，那可真没有。
        对我来说，吃这顿饭完全是一种放松。
        谁都会承认，看这部新片是一种快乐。
        看那场演出根本不是什么惩罚。
        那家酒店一点也不会太大。
        没有人会嫌那份套餐甜。
        这款平板不算太大，刚刚好。
        谁会嫌这家酒店太大呢？
        尽管开场很枯燥，这场演出还是很讨喜。
        除了大堂比较粗糙，那家酒店其余的都很惊艳。
        与其说这台相机难用，不如说它惊艳。
        网上都说它很差劲，实际上这部片子很感人。
        虽然开头很差劲，但最后那本小说还是让我很着迷。
        这家宾馆很安静，尽管茶室很潮湿。
        虽然结尾很俗气，但没有人会说这部电影拖沓。
        这台相机不但出色，而且精致。
        这场演出既不敷衍，也不啰嗦。
        """,
    ("chinese", "negative"): """
        这台相机真的很笨重。
        这部片子实在是肤浅。
        没有人能否认这款耳机很廉价。
        我从来没读过这么枯燥的书。
        大家都说这本书粗糙，我完全同意。
        那家酒店要多吵闹有多吵闹。
        毫无疑问，这是一家粗糙的民宿。
        很少住到这么俗气的民宿。
        这份套餐比我想象的还要廉价。
        谁也不能说这款平板不廉价。
        这本新书一点也不好看。
        那份套餐根本谈不上新鲜。
        没有人会觉得这家民宿干净。
        大家都说那本小说新颖，我完全不同意。
        这顿饭跟“好吃”完全不沾边。
        我从来没觉得这家酒店整洁。
        那顿饭真让我恼火。
        没想到那家酒店会让我这么郁闷。
        那本小说的确让人反感。
        这部手机一点也没让我满意。
        读这本书真是一种负担。
        不能不说，读这本书是一种痛苦。
        用这款耳机绝不是一种满足。
        这顿饭太甜了！
        这家宾馆有点太大了。
        要是那家民宿没这么大就好了。
        那份套餐未免也太辣了吧。
        虽然茶室很温馨，但是这家宾馆整体上很破旧。
        甜点是很用心，不过总的来说这份外卖很油腻。
        这家酒店不是惊艳，而是吵闹。
        刚开始觉得这家民宿很出色，后来才发现其实很脏乱。
        哪怕大堂再温馨，也改变不了这家宾馆很阴暗的事实。
        虽然结尾让我很着迷，但是那场演出整体上很拖沓。
        这款手机也许谈不上劣质，但是绝对很鸡肋。
        开头很精致，可这本书一点也不感人。
        那家民宿又俗气又廉价。
        """,
}


@cache
def rows() -> tuple[dict[str, str], ...]:
    with gzip.open(PATH, "rt", encoding="utf-8", newline="") as file:
        return tuple(csv.DictReader(file))


def tokens(text: str) -> list[str]:
    """Lower-case words without Keras' filter characters; each Chinese character by itself."""
    return re.findall(
        r"[\u2018-\u201d\u3000-\u9fff\uff00-\uffef]|[^\s\u2018-\u201d\u3000-\u9fff\uff00-\uffef]+",
        text.lower().translate(KERAS_FILTERS),
    )


@cache
def patterns(language: Language) -> tuple[tuple[Frame, str, re.Pattern[str]], ...]:
    """Return, for each frame, its longest fixed text and a pattern of the sentence with the words as groups."""

    def any_of(texts: list[str]) -> str:
        return "(?:" + "|".join(re.escape(text.lower()) for text in sorted(texts, key=len, reverse=True)) + ")"

    fields = {
        name: [filler for domain in language.domains.values() for filler in domain.get(name, ())]
        for name in ("subject", "noun", "aspect", "be", "one", "do")
    }
    fields |= {"friend": list(language.friends), "really": list(language.intensifiers)}
    openers = [*language.openers, *(text for domain in language.domains.values() for text in domain["opener"])]
    opener = any_of([text.format(companion=friend) for text in openers for friend in language.friends])
    compiled = []
    for frame in language.frames:
        pieces = re.split(r"\{(\w+)\}", frame.template.lower())
        seen: set[str] = set()
        pattern = ""
        for position, piece in enumerate(pieces):
            if position % 2 == 0:
                pattern += re.escape(piece)
            elif piece in fields:
                pattern += any_of(fields[piece])
            else:
                group = piece.removeprefix("a_")
                kind = frame.slots[int(group[1:] or 1) - 1].kind
                word = any_of([word for listed in language.words[kind].values() for word in listed])
                article = "an? " if piece.startswith("a_") else ""
                pattern += f"(?P={group})" if group in seen else f"{article}(?P<{group}>{word})"
                seen.add(group)
        anchor = max(pieces[::2], key=len)
        compiled.append((frame, anchor, re.compile(f"(?:{opener}{language.space})?{pattern}")))
    return tuple(compiled)


def readings(text: str, language: Language) -> list[tuple[Frame, tuple[str, ...]]]:
    """Return every possible frame of a sentence, with its words."""
    lower = text.lower()
    found = []
    for frame, anchor, pattern in patterns(language):
        match = pattern.fullmatch(lower) if anchor in lower else None
        if match:
            groups = match.groupdict()
            found.append((frame, tuple(groups[name] for name in sorted(groups))))
    return found


def meaning(frame: Frame, words: tuple[str, ...], language: Language) -> str:
    """Derive the label independently: whether the decisive word is positive, and whether the frame negates it."""
    slot, word = frame.slots[frame.decides], words[frame.decides]
    good = word in language.words[slot.kind][1]
    denied = slot.sign < 0
    return "positive" if good != denied else "negative"


def test_docs_have_its_sha256_and_size() -> None:
    packed = PATH.read_bytes()
    text = DOCS.read_text(encoding="utf-8")
    assert hashlib.sha256(packed).hexdigest() in text
    assert f"{len(packed):,} bytes" in text
    assert len(packed) < 1_000_000


def test_its_script_makes_the_same_rows() -> None:
    made = [(row.text, row.label, row.part, row.language) for row in sentences()]
    assert made == [(row["text"], row["label"], row["part"], row["language"]) for row in rows()]


def test_it_returns_texts_and_labels_of_three_parts() -> None:
    parts = reviews_sample()
    assert {part: len(texts) for part, (texts, _) in parts.items()} == {"train": 16000, "validation": 2000, "test": 4000}
    for texts, labels in parts.values():
        assert len(texts) == len(labels)
        assert set(labels) == {"negative", "positive"}


def test_labels_are_balanced_in_every_part_and_language() -> None:
    counts = Counter((row["part"], row["language"], row["label"]) for row in rows())
    each = {"train": 4000, "validation": 500, "test": 1000}
    assert counts == {
        (part, language, label): each[part]
        for part in each
        for language in ("english", "chinese")
        for label in ("negative", "positive")
    }


def test_no_sentence_occurs_twice() -> None:
    assert len({tuple(tokens(row["text"])) for row in rows()}) == len(rows())


def test_english_sentences_have_5_to_25_words() -> None:
    lengths = [len(row["text"].split()) for row in rows() if row["language"] == "english"]
    assert min(lengths) == 5
    assert max(lengths) <= 25


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.name)
def test_each_sentence_has_one_reading_and_its_label_follows_from_it(language: Language) -> None:
    for row in rows():
        if row["language"] == language.name:
            (reading,) = readings(row["text"], language)
            assert meaning(*reading, language) == row["label"], row


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.name)
def test_parts_share_frames_and_words_but_no_pairs_of_them(language: Language) -> None:
    pairs: dict[str, set[tuple[Frame, int, str]]] = {"train": set(), "validation": set(), "test": set()}
    for row in rows():
        if row["language"] == language.name:
            ((frame, words),) = readings(row["text"], language)
            pairs[row["part"]] |= {(frame, position, word) for position, word in enumerate(words)}
    assert not pairs["train"] & pairs["test"]
    assert not pairs["train"] & pairs["validation"]
    assert not pairs["validation"] & pairs["test"]
    frames, words = ({pair[which] for pair in pairs["train"]} for which in (0, 2))
    assert frames == set(language.frames) == {pair[0] for pair in pairs["test"]}
    assert words == {word for kind in language.words.values() for listed in kind.values() for word in listed}


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.name)
def test_a_reader_agrees_on_an_example_of_every_frame(language: Language) -> None:
    covered = set()
    for (name, label), examples in LABELLED.items():
        if name == language.name:
            for text in map(str.strip, examples.strip().splitlines()):
                (reading,) = readings(text, language)
                assert meaning(*reading, language) == label, text
                covered.add(reading[0])
    assert {frame.template for frame in covered} == {frame.template for frame in language.frames}


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.name)
def test_counting_words_is_not_enough(language: Language) -> None:
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import LogisticRegression

    texts, labels = (
        {
            part: [row[column] for row in rows() if (row["part"], row["language"]) == (part, language.name)]
            for part in ("train", "test")
        }
        for column in ("text", "label")
    )
    vectorizer = CountVectorizer(tokenizer=tokens, token_pattern=None, lowercase=False)
    model = LogisticRegression(max_iter=1000).fit(vectorizer.fit_transform(texts["train"]), labels["train"])
    assert 0.55 < model.score(vectorizer.transform(texts["test"]), labels["test"]) < 0.80
