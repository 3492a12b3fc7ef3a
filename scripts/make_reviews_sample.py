"""Make `zoo/datasets/reviews_sample.csv.gz`: short reviews in English and Chinese, written by the grammar below.

A sentence is a frame with one or two words of judgement. Its label is computed, not counted: a word is good (+1) or bad
(-1), the frame affirms (+1) or denies (-1) each of its words, and one of them decides. "Nobody could call it dull" denies
a bad word and is positive; in "the opening is witty, but all in all it is a dull film" the second word decides.

For every slot of every frame about a fifth of the words is kept for the test part and a tenth for validation. No pair of
slot and word stands in two parts, while each frame and each word stands in all: a model must compose what it has learned.

`python scripts/make_reviews_sample.py` writes the same bytes each time; their SHA-256 stands in docs/data.md.
"""

# ruff: noqa: RUF001 - Chinese has punctuation of its own

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

TARGET = Path(__file__).parent.parent / "zoo" / "datasets" / "reviews_sample.csv.gz"
SEED = 0
SENTENCES = {"train": 8000, "validation": 1000, "test": 2000}  # of each language, half of them positive
TEST_SHARE, VALIDATION_SHARE = 0.2, 0.12  # of the words of each slot
LABELS = {1: "positive", -1: "negative"}
AFFIRM, DENY = 1, -1
OPPOSITE, SAME = -1, 1


@dataclass(frozen=True)
class Slot:
    """A place for a word: the kind of word, and whether the frame affirms or denies it."""

    kind: str
    sign: int


@dataclass(frozen=True)
class Frame:
    """A construction: its text, its slots, which of them decides, and how the judgements of two slots are related."""

    template: str
    slots: tuple[Slot, ...]
    decides: int = 0
    relation: int = SAME


@dataclass(frozen=True)
class Sentence:
    """A sentence with its structure: `pairs` are (template and slot, word)."""

    text: str
    label: str
    part: str
    language: str
    pairs: tuple[tuple[str, str], ...]


@dataclass(frozen=True, eq=False)
class Language:
    """Words by kind and polarity with their domains, frames, and what fills the rest of a sentence."""

    name: str
    words: dict[str, dict[int, dict[str, tuple[str, ...]]]]
    frames: tuple[Frame, ...]
    domains: dict[str, dict[str, tuple[str, ...]]]
    friends: tuple[str, ...]
    intensifiers: tuple[str, ...]
    openers: tuple[str, ...]
    space: str


def frames(kind: str, sign: int, *templates: str) -> tuple[Frame, ...]:
    """Frames of one word."""
    return tuple(Frame(template, (Slot(kind, sign),)) for template in templates)


def contrast(
    template: str, *, decides: int = 1, kinds: str = "adjective adjective", signs: tuple[int, int] = (AFFIRM, AFFIRM)
) -> Frame:
    """Frame of two words whose judgements are opposite; the last decides, or the one that `decides` names."""
    first, second = (Slot(kind, sign) for kind, sign in zip(kinds.split(), signs, strict=True))
    return Frame(template, (first, second), decides, OPPOSITE)


def agreement(template: str, sign: int) -> Frame:
    """Frame of two adjectives whose judgements are the same."""
    return Frame(template, (Slot("adjective", sign), Slot("adjective", sign)))


def words(text: str) -> dict[str, tuple[str, ...]]:
    """Read "film book: gripping moving; hotel: clean" into the domains of each word."""
    groups = (group.split(":") for group in text.split(";"))
    return {word: tuple(domains.split()) for domains, listed in groups for word in listed.split()}


def lines(text: str) -> tuple[str, ...]:
    """Read "one | two" into its parts."""
    return tuple(part.strip() for part in text.split("|"))


# English. Words of degree are neither good nor bad (written as +1); their frames say whether the degree is right.
STORY, ALL = "film book show", "film book show hotel device food"
ENGLISH_WORDS = {
    "adjective": {
        1: words(
            f"{ALL}: good great nice lovely impressive pleasant remarkable wonderful;"
            f"{STORY}: gripping moving witty clever original exciting absorbing inspired;"
            "hotel: comfortable clean cosy tidy welcoming quiet;"
            "device: reliable handy useful practical sturdy convenient;"
            "food: tasty delicious flavourful appetising satisfying"
        ),
        -1: words(
            f"{ALL}: bad poor disappointing mediocre unpleasant unimpressive lousy; {STORY} hotel device: annoying;"
            f"{STORY}: dull boring tedious predictable shallow clumsy dreary confusing;"
            "hotel: uncomfortable dirty shabby gloomy noisy dingy;"
            "device: unreliable flimsy useless impractical shoddy inconvenient;"
            "food: bland tasteless unappetising insipid unimaginative"
        ),
    },
    "verb": {
        1: words(f"{ALL}: impressed delighted charmed pleased; {STORY}: moved thrilled captivated amused"),
        -1: words(f"{ALL}: annoyed disappointed irritated frustrated bothered exasperated; {STORY}: bored depressed"),
    },
    "noun": {
        1: words(f"{ALL}: treat joy pleasure delight triumph success gem winner"),
        -1: words(
            f"{ALL}: disappointment failure letdown mess mistake; {STORY} device: flop; {STORY}: bore; hotel device: nuisance"
        ),
    },
    "degree": {
        1: words(
            f"{STORY}: long slow sentimental; film show: loud; {STORY} device: complicated; hotel device: big bright;"
            "hotel food: warm; device food: heavy; food: sweet salty spicy"
        ),
    },
}
ENGLISH_FRAMES = (
    *frames(
        "adjective",
        AFFIRM,
        "{subject} {be} {really} {w}.",
        "{subject} turned out to be {w}.",
        "what {a_w} {noun} this {be}!",
        "I found {subject} {w}, and so did {friend}.",
        "nobody can deny that {subject} {be} {w}.",
        "there is no doubt that {subject} {be} {w}.",
        "it is hard not to call {subject} {w}.",
        "{subject} {be} nothing if not {w}.",
        "{subject} {be} {w}, no question about it.",
        "rarely have I come across such {a_w} {noun}.",
        "I have never come across such {a_w} {noun}.",
        "everyone told me that {subject} {be} {w}, and they were right.",
        "I was told to expect {a_w} {noun}, and that is exactly what I got.",
        "{friend} called {subject} {w}, and I can only agree.",
        "{a_w} {noun}, just as I had expected.",
        "I cannot help finding {subject} {w}.",
        "this really is {a_w} {noun}.",
        "{subject} {be} every bit as {w} as people say.",
        "who would have thought that {subject} would be so {w}?",
        "how {w} {subject} {be}!",
        "you will seldom find such {a_w} {noun}.",
        "whatever others may say, {subject} {be} {w}.",
    ),
    *frames(
        "adjective",
        DENY,
        "{subject} {be} anything but {w}.",
        "{subject} {be} far from {w}.",
        "{subject} {be} not {w} at all.",
        "this is by no means {a_w} {noun}.",
        "this is hardly {a_w} {noun}.",
        "nobody could call {subject} {w}.",
        "{w} is the last word I would use for {subject}.",
        "everyone told me that {subject} {be} {w}, and they were wrong.",
        "I was told to expect {a_w} {noun}, and I got the very opposite.",
        "{friend} called {subject} {w}, but I cannot agree.",
        "{a_w} {noun}? Certainly not this one.",
        "there is nothing {w} about {subject}.",
    ),
    *frames(
        "verb",
        AFFIRM,
        "{subject} {really} {w} me.",
        "{subject} {w} both me and {friend}.",
        "there is no denying that {subject} {w} me.",
        "I did not expect it, and yet {subject} {w} me.",
        "if anything has {w} me this year, it is {subject}.",
    ),
    *frames(
        "verb",
        DENY,
        "{subject} never {w} me for a moment.",
        "nothing about {subject} {w} me.",
        "I cannot say that {subject} {w} me.",
    ),
    *frames(
        "noun",
        AFFIRM,
        "{subject} {be} a real {w}.",
        "{subject} turned out to be a {w}.",
        "what a {w} {subject} {be}!",
        "I can only describe {subject} as a {w}.",
        "nobody will deny that {subject} {be} a {w}.",
    ),
    *frames(
        "noun",
        DENY,
        "{subject} {be} anything but a {w}.",
        "calling {subject} a {w} would be quite wrong.",
        "{friend} expected a {w}, but {subject} {be} the very opposite.",
    ),
    *frames(
        "degree",
        AFFIRM,
        "{subject} {be} just {w} enough.",
        "{subject} {be} not a bit too {w}.",
        "{subject} {be} exactly as {w} as it should be.",
        "nobody could call {subject} too {w}.",
    ),
    *frames(
        "degree",
        DENY,
        "{subject} {be} a little too {w}.",
        "{subject} {be} far too {w} for my taste.",
        "I only wish {subject} were not so {w}.",
        "{subject} {be} so {w} that I wanted my money back.",
    ),
    contrast("the {aspect} {be} {w1}, but all in all it is {a_w2} {noun}."),
    contrast("the {aspect} may be {w1}, but {subject} as a whole {be} {w2}."),
    contrast("although the {aspect} {be} {w1}, {subject} itself {be} {w2}."),
    contrast("despite {a_w1} {aspect}, it is {a_w2} {noun}."),
    contrast("apart from {a_w1} {aspect}, everything about {subject} {be} {w2}."),
    contrast("at first I thought it was {w1}, but in the end {subject} proved {w2}."),
    contrast("I had expected {a_w1} {noun}, yet what I got was {w2}."),
    contrast("{subject} {be} not {w1} but {w2}."),
    contrast("the {aspect} {be} {w1}, but in the end {subject} {w2} me.", kinds="adjective verb"),
    contrast("the {aspect} {w1} me, but as a whole {subject} {be} {w2}.", kinds="verb adjective"),
    contrast("{subject} {be} {w1}, although the {aspect} {be} {w2}.", decides=0),
    contrast("{subject} {be} {w1} rather than {w2}.", decides=0),
    contrast("{subject} may not be {w1}, but it {be} certainly {w2}.", signs=(DENY, AFFIRM)),
    contrast("although the {aspect} {be} {w1}, nobody could call {subject} {w2}.", signs=(AFFIRM, DENY)),
    contrast("the {aspect} {be} {w1}, yet {subject} {be} anything but {w2}.", signs=(AFFIRM, DENY)),
    agreement("{subject} {be} not only {w1} but also {w2}.", AFFIRM),
    agreement("{subject} {be} both {w1} and {w2}.", AFFIRM),
    agreement("the {aspect} {be} {w1}, and {subject} as a whole {be} {w2} too.", AFFIRM),
    agreement("{subject} {be} neither {w1} nor {w2}.", DENY),
)
ENGLISH = Language(
    name="english",
    words=ENGLISH_WORDS,
    frames=ENGLISH_FRAMES,
    domains={
        "film": {
            "subject": lines("the film | this film | the movie | this movie | the new thriller | this comedy | the drama"),
            "noun": lines("film | movie | thriller | comedy | drama"),
            "be": lines("is | was"),
            "aspect": lines("opening | first half | plot | ending"),
            "opener": lines("We saw it last Friday. | I watched it with {companion}. | We saw it on a rainy Sunday."),
        },
        "book": {
            "subject": lines("the book | this book | the novel | this novel | her latest novel | the story | his new book"),
            "noun": lines("book | novel | story"),
            "be": lines("is | was"),
            "aspect": lines("first chapter | middle part | plot | ending"),
            "opener": lines(
                "I read it on the train. | I finished it in three evenings. | I read it together with {companion}."
            ),
        },
        "show": {
            "subject": lines("the play | this play | the show | this show | the musical | the concert"),
            "noun": lines("play | show | musical | concert"),
            "be": lines("is | was"),
            "aspect": lines("first part | opening | finale"),
            "opener": lines("We went last Saturday. | I went with {companion}. | We had seats near the stage."),
        },
        "hotel": {
            "subject": lines("the hotel | this hotel | our hotel | the guesthouse | this hostel | the resort"),
            "noun": lines("hotel | guesthouse | hostel | resort"),
            "be": lines("is | was"),
            "aspect": lines("lobby | restaurant | garden | bar"),
            "opener": lines("We stayed for three nights. | I stayed there with {companion}. | We came for a long weekend."),
        },
        "device": {
            "subject": lines("the phone | this phone | my new phone | the tablet | this laptop | my new camera"),
            "noun": lines("phone | tablet | laptop | camera"),
            "be": lines("is | was"),
            "aspect": lines("charger | case | stand"),
            "opener": lines("I bought it in March. | I have used it for two weeks. | I share it with {companion}."),
        },
        "food": {
            "subject": lines("the meal | this meal | the dish | this dish | our lunch | our dinner"),
            "noun": lines("meal | dish | lunch | dinner"),
            "be": lines("was"),
            "aspect": lines("starter | soup | salad | dessert"),
            "opener": lines("We ate there on Friday. | I ate there with {companion}. | We had a table by the window."),
        },
    },
    friends=lines("my sister | my brother | my wife | my husband | a colleague | my neighbour"),
    intensifiers=lines("really | truly | genuinely"),
    openers=lines("To be honest, | Honestly, | Frankly, | Looking back, | For what it is worth, | Well,"),
    space=" ",
)

# Chinese.
CHINESE_WORDS = {
    "adjective": {
        1: words(
            f"{ALL}: 出色 精致 讨喜 惊艳; {STORY} food: 用心; device food: 靠谱;"
            f"{STORY}: 精彩 感人 有趣 动人 紧凑 新颖 深刻 好看 生动 耐看;"
            "hotel: 舒适 干净 安静 整洁 温馨 宽敞; device: 好用 耐用 实用 省心 可靠 顺手; food: 好吃 美味 新鲜 可口 地道 开胃"
        ),
        -1: words(
            f"{ALL}: 糟糕 差劲 粗糙; {STORY} hotel: 俗气; {STORY} food: 平庸 敷衍; hotel device food: 廉价 坑人;"
            f"{STORY}: 无聊 乏味 沉闷 拖沓 老套 肤浅 难看 空洞 啰嗦 枯燥;"
            "hotel: 吵闹 脏乱 陈旧 潮湿 阴暗 破旧; hotel device: 简陋; device: 难用 劣质 笨重 鸡肋 山寨;"
            "food: 难吃 油腻 寡淡 倒胃口"
        ),
    },
    "verb": {
        1: words(f"{ALL}: 惊喜 满意 开心 心动; {STORY}: 感动 着迷 佩服; hotel device food: 放心"),
        -1: words(f"{ALL}: 失望 生气 扫兴 郁闷 反感 头疼 心烦 恼火"),
    },
    "noun": {
        1: words(f"{ALL}: 享受 乐趣 幸福 满足 快乐 放松"),
        -1: words(f"{ALL}: 折磨 煎熬 痛苦 负担 浪费 惩罚"),
    },
    "degree": {
        1: words(
            f"{STORY}: 长 煽情 沉重; {STORY} device: 复杂; hotel device: 大 花哨; device: 重 厚; hotel: 偏; food: 甜 咸 辣 酸"
        ),
    },
}
CHINESE_FRAMES = (
    *frames(
        "adjective",
        AFFIRM,
        "{subject}{really}很{w}。",
        "{subject}太{w}了！",
        "{subject}实在是{w}。",
        "不得不说，{subject}确实很{w}。",
        "没有人能否认{subject}很{w}。",
        "没想到{subject}这么{w}。",
        "我从来没{do}过这么{w}的{noun}。",
        "{friend}说{subject}很{w}，果然没错。",
        "大家都说{subject}{w}，我完全同意。",
        "{subject}不是一般的{w}。",
        "{subject}要多{w}有多{w}。",
        "真是{one}{w}的{noun}！",
        "毫无疑问，这是{one}{w}的{noun}。",
        "难道{subject}还不够{w}吗？",
        "很少{do}到这么{w}的{noun}。",
        "{subject}{w}得出乎我的意料。",
        "{subject}比我想象的还要{w}。",
        "怎么会有这么{w}的{noun}！",
    ),
    *frames("adjective", DENY * DENY, "谁也不能说{subject}不{w}。", "谁能说{subject}不{w}呢？"),
    *frames(
        "adjective",
        DENY,
        "{subject}一点也不{w}。",
        "{subject}其实并不{w}。",
        "{subject}根本谈不上{w}。",
        "这可算不上{one}{w}的{noun}。",
        "没有人会觉得{subject}{w}。",
        "谁说{subject}{w}？",
        "大家都说{subject}{w}，我完全不同意。",
        "{friend}说{subject}很{w}，其实根本不是那么回事。",
        "{subject}跟“{w}”完全不沾边。",
        "{subject}哪里{w}了？",
        "我从来没觉得{subject}{w}。",
        "原以为{subject}会很{w}，结果完全相反。",
    ),
    *frames(
        "verb",
        AFFIRM,
        "{subject}真让我{w}。",
        "不得不承认，{subject}让我很{w}。",
        "没想到{subject}会让我这么{w}。",
        "{subject}让{friend}和我都很{w}。",
        "{subject}的确让人{w}。",
    ),
    *frames(
        "verb",
        DENY,
        "{subject}从来没有让我{w}过。",
        "{subject}一点也没让我{w}。",
        "要说{subject}让我{w}，那可真没有。",
    ),
    *frames(
        "noun",
        AFFIRM,
        "{do}{subject}真是一种{w}。",
        "对我来说，{do}{subject}完全是一种{w}。",
        "不能不说，{do}{subject}是一种{w}。",
        "谁都会承认，{do}{subject}是一种{w}。",
    ),
    *frames(
        "noun",
        DENY,
        "{do}{subject}绝不是一种{w}。",
        "{do}{subject}根本不是什么{w}。",
    ),
    *frames(
        "degree",
        AFFIRM,
        "{subject}一点也不会太{w}。",
        "没有人会嫌{subject}{w}。",
        "{subject}不算太{w}，刚刚好。",
        "谁会嫌{subject}太{w}呢？",
    ),
    *frames(
        "degree",
        DENY,
        "{subject}太{w}了！",
        "{subject}有点太{w}了。",
        "要是{subject}没这么{w}就好了。",
        "{subject}未免也太{w}了吧。",
    ),
    contrast("虽然{aspect}很{w1}，但是{subject}整体上很{w2}。"),
    contrast("尽管{aspect}很{w1}，{subject}还是很{w2}。"),
    contrast("{aspect}是很{w1}，不过总的来说{subject}很{w2}。"),
    contrast("除了{aspect}比较{w1}，{subject}其余的都很{w2}。"),
    contrast("{subject}不是{w1}，而是{w2}。"),
    contrast("与其说{subject}{w1}，不如说它{w2}。"),
    contrast("刚开始觉得{subject}很{w1}，后来才发现其实很{w2}。"),
    contrast("网上都说它很{w1}，实际上{subject}很{w2}。"),
    contrast("哪怕{aspect}再{w1}，也改变不了{subject}很{w2}的事实。"),
    contrast("虽然{aspect}很{w1}，但最后{subject}还是让我很{w2}。", kinds="adjective verb"),
    contrast("虽然{aspect}让我很{w1}，但是{subject}整体上很{w2}。", kinds="verb adjective"),
    contrast("{subject}很{w1}，尽管{aspect}很{w2}。", decides=0),
    contrast("{subject}也许谈不上{w1}，但是绝对很{w2}。", signs=(DENY, AFFIRM)),
    contrast("虽然{aspect}很{w1}，但没有人会说{subject}{w2}。", signs=(AFFIRM, DENY)),
    contrast("{aspect}很{w1}，可{subject}一点也不{w2}。", signs=(AFFIRM, DENY)),
    agreement("{subject}不但{w1}，而且{w2}。", AFFIRM),
    agreement("{subject}又{w1}又{w2}。", AFFIRM),
    agreement("{subject}既不{w1}，也不{w2}。", DENY),
)
CHINESE = Language(
    name="chinese",
    words=CHINESE_WORDS,
    frames=CHINESE_FRAMES,
    domains={
        "film": {
            "subject": lines("这部电影 | 这部片子 | 那部喜剧 | 这部新片 | 这部悬疑片"),
            "noun": lines("电影 | 片子 | 喜剧"),
            "one": lines("一部"),
            "do": lines("看"),
            "aspect": lines("开头 | 结尾 | 前半段 | 情节"),
            "opener": lines("上周和{companion}一起看的， | 周末在家看的， | 昨晚刚看完，"),
        },
        "book": {
            "subject": lines("这本书 | 这本小说 | 那本小说 | 这本新书 | 他的新书"),
            "noun": lines("书 | 小说"),
            "one": lines("一本"),
            "do": lines("读"),
            "aspect": lines("开头 | 结尾 | 第一章 | 中间部分"),
            "opener": lines("在火车上读完的， | 花了三个晚上读完， | {companion}借给我的，"),
        },
        "show": {
            "subject": lines("这场演出 | 那场演出 | 这场话剧 | 那场音乐剧"),
            "noun": lines("演出 | 话剧 | 音乐剧"),
            "one": lines("一场"),
            "do": lines("看"),
            "aspect": lines("开场 | 上半场 | 结尾"),
            "opener": lines("上周六去看的， | 和{companion}一起去的， | 昨晚刚看完，"),
        },
        "hotel": {
            "subject": lines("这家酒店 | 那家酒店 | 这家民宿 | 那家民宿 | 这家宾馆"),
            "noun": lines("酒店 | 民宿 | 宾馆"),
            "one": lines("一家"),
            "do": lines("住"),
            "aspect": lines("大堂 | 餐厅 | 走廊 | 茶室"),
            "opener": lines("出差住了三晚， | 和{companion}一起住的， | 周末去住了两天，"),
        },
        "device": {
            "subject": lines("这款手机 | 这部手机 | 这款平板 | 这台相机 | 这款耳机"),
            "noun": lines("手机 | 平板 | 相机 | 耳机"),
            "one": lines("一款"),
            "do": lines("用"),
            "aspect": lines("充电器 | 保护壳 | 支架"),
            "opener": lines("用了两个星期， | 三月份买的， | {companion}送给我的，"),
        },
        "food": {
            "subject": lines("这份套餐 | 那份套餐 | 这顿饭 | 那顿饭 | 这份外卖"),
            "noun": lines("饭菜 | 套餐 | 外卖"),
            "one": lines("一份"),
            "do": lines("吃"),
            "aspect": lines("配菜 | 汤 | 米饭 | 甜点"),
            "opener": lines("昨天中午吃的， | 和{companion}一起吃的， | 周五晚上点的，"),
        },
    },
    friends=lines("朋友 | 同事 | 姐姐 | 弟弟 | 爸妈 | 邻居"),
    intensifiers=lines("真的 | 确实 | 的确"),
    openers=lines("说实话， | 说真的， | 坦白讲， | 讲真， | 老实说，"),
    space="",
)
LANGUAGES = (ENGLISH, CHINESE)


def judgement(frame: Frame, polarities: tuple[int, ...]) -> int:
    """Return what a frame says with words of these polarities: +1 or -1."""
    return frame.slots[frame.decides].sign * polarities[frame.decides]


def polarities_of(frame: Frame, judged: int, language: Language) -> tuple[int, ...]:
    """Return the polarities with which a frame says `judged`, or nothing if it cannot."""
    said = [judged if position == frame.decides else judged * frame.relation for position in range(len(frame.slots))]
    polarities = tuple(slot.sign * one for slot, one in zip(frame.slots, said, strict=True))
    known = all(polarity in language.words[slot.kind] for slot, polarity in zip(frame.slots, polarities, strict=True))
    return polarities if known else ()


def cut(language: Language, rng: random.Random) -> dict[tuple[Frame, int, int], dict[str, list[str]]]:
    """Return the words of each part, for each frame, slot and polarity.

    A window over the shuffled words moves on from frame to frame, so that each word is held out as often as the others,
    and as often where it is affirmed as where it is denied.
    """
    shuffled = {
        (kind, polarity): evenly(listed, rng)
        for kind, by_polarity in language.words.items()
        for polarity, listed in by_polarity.items()
    }
    seen: dict[Slot, int] = {}
    cuts = {}
    for frame in language.frames:
        for position, slot in enumerate(frame.slots):
            turn = seen[slot] = seen.get(slot, -1) + 1
            for polarity in language.words[slot.kind]:
                listed = shuffled[slot.kind, polarity]
                test, validation = (max(1, round(share * len(listed))) for share in (TEST_SHARE, VALIDATION_SHARE))
                start = turn * test % len(listed)
                turned = listed[start:] + listed[:start]
                cuts[frame, position, polarity] = {
                    "test": turned[:test],
                    "validation": turned[test : test + validation],
                    "train": turned[test + validation :],
                }
    return cuts


def evenly(listed: dict[str, tuple[str, ...]], rng: random.Random) -> list[str]:
    """Shuffle words such that any stretch of them has words of all domains, in proportion."""
    order = {}
    for domains in dict.fromkeys(listed.values()):
        group = [word for word in listed if listed[word] == domains]
        for rank, word in enumerate(rng.sample(group, len(group))):
            order[word] = (rank + 0.5) / len(group)
    return sorted(order, key=lambda word: order[word])


def quotas(language: Language, judged: int, count: int, rng: random.Random) -> dict[Frame, int]:
    """Share `count` sentences of one label among the frames that can say it; those that say one label only get double."""
    tickets = [
        frame
        for frame in language.frames
        if polarities_of(frame, judged, language)
        for _ in range(1 if polarities_of(frame, -judged, language) else 2)
    ]
    rest = rng.sample(tickets, count % len(tickets))
    return {frame: count // len(tickets) * tickets.count(frame) + rest.count(frame) for frame in dict.fromkeys(tickets)}


def with_article(word: str) -> str:
    """Put "a" or "an" before an English word."""
    return f"an {word}" if word[0] in "aeiou" and not word.startswith("use") else f"a {word}"


def capitalised(text: str) -> str:
    """Write the first letter of each sentence large."""
    ends = [0, *(position + 2 for position in range(len(text) - 2) if text[position : position + 2] in {". ", "? "})]
    return "".join(letter.upper() if position in ends else letter for position, letter in enumerate(text))


def written(frame: Frame, chosen: tuple[str, ...], domain: str, language: Language, rng: random.Random) -> str:
    """Write a sentence; half of them have an opener."""
    fields = {name: rng.choice(listed) for name, listed in language.domains[domain].items()}
    fields |= {"really": rng.choice(language.intensifiers)}
    fields["friend"], fields["companion"] = rng.sample(language.friends, 2)
    for position, word in enumerate(chosen):
        number = str(position + 1) if len(chosen) > 1 else ""
        fields |= {f"w{number}": word, f"a_w{number}": with_article(word)}
    text = frame.template.format_map(fields)
    openers = [rng.choice(language.openers), fields["opener"].format_map(fields), "", ""]
    if text.endswith(("!", "?")):
        openers[0] = ""  # no "Honestly, how dull it was!"
    return capitalised(f"{rng.choice(openers)}{language.space}{text}".strip())


def sentences(seed: int = SEED) -> list[Sentence]:
    """Return all sentences with their structure, those of each part shuffled."""
    rng = random.Random(seed)
    made: list[Sentence] = []
    used: set[str] = set()
    cuts = [cut(language, rng) for language in LANGUAGES]
    for part, count in SENTENCES.items():
        of_part = []
        for language, words_of in zip(LANGUAGES, cuts, strict=True):
            for judged in LABELS:
                for frame, quota in quotas(language, judged, count // 2, rng).items():
                    polarities = polarities_of(frame, judged, language)
                    label = LABELS[judgement(frame, polarities)]
                    allowed = [words_of[frame, position, polarity][part] for position, polarity in enumerate(polarities)]
                    for text, pairs in itertools.islice(endless(frame, allowed, language, used, rng), quota):
                        of_part.append(Sentence(text, label, part, language.name, pairs))
        rng.shuffle(of_part)
        made += of_part
    return made


def endless(
    frame: Frame, allowed: list[list[str]], language: Language, used: set[str], rng: random.Random
) -> Iterator[tuple[str, tuple[tuple[str, str], ...]]]:
    """Write sentences of one frame, none of them in `used`, with the pairs of slot and word that they are made of."""
    kinds = [listed for by_polarity in language.words.values() for listed in by_polarity.values()]
    domains_of = {word: domains for listed in kinds for word, domains in listed.items()}
    for _ in range(100_000):
        domain = rng.choice(list(language.domains))
        fitting = [[word for word in listed if domain in domains_of[word]] for listed in allowed]
        if not all(fitting):
            continue
        chosen = tuple(rng.choice(listed) for listed in fitting)
        text = written(frame, chosen, domain, language, rng)
        if len(set(chosen)) == len(chosen) and text.lower() not in used:
            used.add(text.lower())
            yield text, tuple((f"{frame.template}/{position}", word) for position, word in enumerate(chosen))
    raise RuntimeError(f"Too few words for {frame.template!r}: {allowed}.")


def content(made: list[Sentence]) -> bytes:
    """Return the compressed CSV, the same each time."""
    table = io.StringIO(newline="")
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(["text", "label", "part", "language"])
    writer.writerows((row.text, row.label, row.part, row.language) for row in made)
    packed = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", fileobj=packed, mtime=0) as file:  # gzip.compress's header differs by Python
        file.write(table.getvalue().encode("utf-8"))
    return packed.getvalue()


def main() -> None:
    """Write the sample."""
    TARGET.write_bytes(content(sentences()))
    print(f"{TARGET}: {TARGET.stat().st_size:,} bytes, SHA-256 {hashlib.sha256(TARGET.read_bytes()).hexdigest()}")


if __name__ == "__main__":
    main()
