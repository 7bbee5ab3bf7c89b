"""How many tokens a request has: exact where that can be known, else an estimate that learns from every answer.

A model whose vocabulary is not public counts more tokens than we do, or fewer, by a factor that differs between prose
and code. The factor begins with what is published and follows the usage that the vendor tells, as an exponential
average that all processes share. There is one for each way to measure: tokens of o200k_base, and mere lengths, which
are used where loading a vocabulary (0.3 s) is not worth it.
"""

from __future__ import annotations

import json
import os
from collections import OrderedDict
from contextlib import aclosing, suppress
from functools import partial
from operator import is_
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, cast

from aiex import dirs, tokens
from aiex.digest import fingerprint
from aiex.errors import StoreError
from aiex.events import Started, Stopped, UsageUpdated, Waiting
from aiex.llm.stores.ratios import FILE_NAME, Ratio, RatioStore
from aiex.llm.wire import CountsTokens, heal, to_json
from aiex.memo import Memo
from aiex.messages import Document, Image, Opaque, Reasoning, Refusal, Text, ToolCall, ToolResult
from aiex.patterns import late
from aiex.tokens import Count

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping, Sequence

    from aiex.events import StreamEvent
    from aiex.llm.attempt import Connect
    from aiex.llm.endpoints import Target
    from aiex.llm.stores.ratios import Ratios
    from aiex.llm.wire import Stream
    from aiex.messages import Message, Part, Request, ToolDefinition

Kind = Literal["prose", "code"]
Measure = Literal["o200k_base", "length"]
Sums = dict[Kind, float]
"""Of one request in one measure: how much of each kind of text."""

MESSAGE_TOKENS: Final = 4
"""What roles and separators add to a message: 3, and 1 for the role. Source: OpenAI cookbook, "How to count tokens
with tiktoken", `num_tokens_from_messages`."""
REPLY_TOKENS: Final = 3
"""What opens the answer. Source: as above."""
TOOL_TOKENS: Final = 10
"""What the frame of a tool's definition adds to its own words, about. Source: as above, `num_tokens_for_tools`."""
IMAGE_TOKENS: Final = 1_600
"""What a large picture counts at the vendors; smaller ones count less."""
LEAST_FACTOR, MOST_FACTOR = 0.5, 3.0
"""Bounds of what is learned."""
LEAST_WEIGHT: Final = 0.1
"""Of a new answer in the average; the first ones count more."""
LEAST_TOKENS: Final = 200
"""Smaller requests teach nothing: what the vendor adds by itself is too large a share of them."""
_PLAUSIBLE = (0.3, 4.0)
"""Counts that are further from the estimate are no counts of the whole request: some servers leave out what they had
cached."""
_LEAN: Final = 1.05
"""An average is too low half of the time, and an estimate shall lean upwards."""
_MOST_CHARS: Final = 400_000
"""Of a request that is counted with a vocabulary only to learn from it; beyond, its length teaches enough."""
_SAMPLE_CHARS: Final = 4_000
_SYMBOLS: Final = "{}()[]<>;=_"
_CODE_SHARE: Final = 0.03
"""Share of symbols from which on a text is code. Of 40 Markdown pages three quarters have less than 0.016; of 230 files
of Python 95 in 100 have at least 0.030, of Rust 0.031, of Go 0.026, of JavaScript 0.066."""
_OPENAI_RULE = late(r"gpt-(3\.5|35|4)")
"""The models whose overhead is published and exact. Source: OpenAI cookbook; gpt-5 was seen to count one less."""
_KEPT_ANSWERS: Final = 128
MOST_HELD: Final = 8
"""Lessons that are taken together: by itself each takes a thread and a transaction, 0.4 ms between two turns."""


class TokenCounter:
    """Counts for all models, with the factors learned so far; what cannot be read or written never fails a count."""

    def __init__(self, store: RatioStore, *, connect: Connect | None = None) -> None:
        """Prepare to count; nothing is read yet.

        Args:
            connect: The way to a server that is asked to count; the network when None.
        """
        self._store = store
        self._connect = connect
        self._known: dict[str, Ratios] = {}
        self._answers: OrderedDict[str, int] = OrderedDict()
        self._held: list[_Lesson] = []

    # --- texts ------------------------------------------------------------------------------------------------------

    def count(self, text: str, model: str) -> Count:
        """The tokens of a text for `provider/model`, as exactly as they can be known here."""
        if _is_offline(model) or tokens.encoding_for(model).exact:
            return tokens.count(text, model)
        raw = tokens.tally(text, "o200k_base")
        if raw is None:
            return self.count_quickly(text, model)
        return Count(_ceil(raw.tokens * self._factor(model, "o200k_base", kind_of(text))), exact=False)

    def count_quickly(self, text: str, model: str) -> Count:
        """An estimate that loads nothing; for texts that are far from any limit."""
        base = tokens.estimate(text).tokens
        return Count(_ceil(base * self._factor(model, "length", kind_of(text))), exact=False)

    # --- requests ---------------------------------------------------------------------------------------------------

    def estimate(self, request: Request, model: str, *, quick: bool = False) -> Count:
        """The tokens of a whole request for `provider/model`, its overhead and pictures included.

        Args:
            quick: Load no vocabulary, which is enough for limits that are settled afterwards.
        """
        weight = _weigh(request)
        if quick:
            sums = weight.by_kind()
            total = sum([_ceil(number * self._factor(model, "length", kind)) for kind, number in sums.items()])
        else:
            total = sum(self.count(text, model).tokens for text in _texts(request))
        return Count(total + _overhead(request, weight), exact=False)

    async def count_request(self, request: Request, target: Target, *, remote: bool) -> Count:
        """The tokens of a request for one target; `exact` says whether the vendor would count the same.

        Args:
            remote: Ask the vendor where it counts, unless the exact number is known here; the same question is sent
                once in the life of this counter.

        Raises:
            AiexError: what the server or the network reports, when it is asked.
        """
        known = count_exactly(request, target)
        if known is not None:
            return known
        if remote and isinstance(target.codec, CountsTokens):
            return Count(await self._ask(request, target, target.codec), exact=True)
        return self.estimate(request, target.name)

    async def _ask(self, request: Request, target: Target, codec: CountsTokens) -> int:
        path = codec.count_path(target.profile)
        body = to_json(codec.encode_count(request, target.profile))
        key = fingerprint(f"{target.profile.base_url}{path}\n".encode() + body)
        if key in self._answers:
            self._answers.move_to_end(key)
            return self._answers[key]
        from aiex.llm.exchange import exchange

        number = codec.read_count(await exchange(target, path, body, connect=self._connect))
        self._answers[key] = number
        if len(self._answers) > _KEPT_ANSWERS:
            self._answers.popitem(last=False)
        return number

    # --- learning ---------------------------------------------------------------------------------------------------

    def hold(self, request: Request, model: str, input_tokens: int) -> bool:
        """Keep a lesson in mind, to be taken with the next ones. False where it has to be taken now: there are some
        already, or it takes more than a look.
        """
        if len(self._held) + 1 >= MOST_HELD or _is_counted(model):
            return False
        sums = _weigh(request).by_kind()
        self._held.append(_Lesson(model, {"length": sums}, _plain(request, input_tokens)))
        return True

    def learn(self, request: Request, model: str, input_tokens: int) -> None:
        """Take a lesson from what `provider/model` counted for a request, behind those that were kept in mind. Loads no
        vocabulary."""
        held, self._held = self._held, []
        if is_lesson(request, model, input_tokens):
            held.append(_Lesson(model, _measure(request, model), _plain(request, input_tokens)))
        for name in dict.fromkeys(lesson.model for lesson in held):
            lessons = [lesson for lesson in held if lesson.model == name]
            with suppress(StoreError):
                self._known[name] = {**self._ratios(name), **self._store.change(name, partial(_take, lessons))}

    def _factor(self, model: str, measure: Measure, kind: Kind) -> float:
        if _is_offline(model):
            return 1.0
        learned = self._ratios(model).get((measure, kind))
        return _start(model, measure) if learned is None else learned.factor * _LEAN

    def _ratios(self, model: str) -> Ratios:
        """What is known of a model; read once, and again after each lesson."""
        if model not in self._known:
            self._known[model] = {}
            with suppress(StoreError):
                self._known[model] = self._store.read(model)
        return self._known[model]


def open_counter(environ: Mapping[str, str] = os.environ) -> TokenCounter:
    """The counter of this person; its file is made when there is something to keep."""
    return TokenCounter(RatioStore(os.path.join(dirs.state_dir(environ), FILE_NAME)))


def learning(stream: Stream, counter: TokenCounter) -> Stream:
    """The same stream, from whose usage `counter` learns once an answer is whole, before its `Stopped` is passed on."""

    def learned(request: Request) -> AsyncGenerator[StreamEvent, None]:
        return _learned(stream, request, counter)

    return learned


async def _learned(stream: Stream, request: Request, counter: TokenCounter) -> AsyncGenerator[StreamEvent, None]:
    """A call that began when words were shown already was sent more than the request, and teaches nothing."""
    name, counted, shown = "", None, False
    async with aclosing(cast("Any", stream(request))) as events:
        async for event in events:
            match event:
                case Started(provider, model):
                    name, counted = "" if shown else f"{provider}/{model}", None
                case UsageUpdated(usage):
                    counted = usage.input_tokens
                case Stopped(reason) if name and counted is not None and is_lesson(request, name, counted):
                    if reason != "tool_use" or not counter.hold(request, name, counted):
                        from asyncio import to_thread

                        await to_thread(counter.learn, request, name, counted)
                case Waiting():
                    pass
                case _:
                    shown = bool(name)
            yield event


def is_lesson(request: Request, model: str, input_tokens: int) -> bool:
    """Whether the count of a request tells how texts are counted: pictures and signed blocks are counted otherwise."""
    if input_tokens < LEAST_TOKENS or _is_offline(model):
        return False
    return _weigh(request).teaches


class _Lesson(NamedTuple):
    """What one answer teaches."""

    model: str
    sums: dict[Measure, Sums]
    counted: int
    """By the vendor, for texts alone."""


def _is_counted(model: str) -> bool:
    """Whether a request is counted with a vocabulary as well: one that is loaded, and gives no exact number."""
    return not tokens.encoding_for(model).exact and tokens.tally("", "o200k_base", load=False) is not None


def _plain(request: Request, input_tokens: int) -> int:
    return max(1, input_tokens - _overhead(request, _weigh(request)))


def _measure(request: Request, model: str) -> dict[Measure, Sums]:
    """The sums of a request in each measure that costs no loading."""
    weight = _weigh(request)
    sums: dict[Measure, Sums] = {"length": weight.by_kind()}
    if _is_counted(model) and weight.chars <= _MOST_CHARS:
        raw = [(text, tokens.tally(text, "o200k_base", load=False)) for text in _texts(request)]
        if all(count is not None for _, count in raw):
            sums["o200k_base"] = _add_up((kind_of(text), count.tokens) for text, count in raw if count is not None)
    return sums


def _take(lessons: Sequence[_Lesson], known: Mapping[tuple[str, str], Ratio]) -> Ratios:
    """The factors of a model after these lessons, one behind the other."""
    after: Ratios = {}
    for model, by_measure, counted in lessons:
        for measure, sums in by_measure.items():
            now = {**known, **after}
            before = {kind: now.get((measure, kind)) or Ratio(_start(model, measure), 0) for kind in sums}
            after |= {(measure, kind): row for kind, row in _follow(before, sums, counted).items()}
    return after


def _follow(before: Mapping[Kind, Ratio], sums: Sums, counted: int) -> dict[Kind, Ratio]:
    """The factors after one answer. Each moves by its share of the error, so that mixed requests teach both kinds."""
    parts = {kind: row.factor * sums[kind] for kind, row in before.items()}
    expected = sum(parts.values())
    if not expected or not _PLAUSIBLE[0] <= counted / expected <= _PLAUSIBLE[1]:
        return {}
    error = counted / expected - 1
    after: dict[Kind, Ratio] = {}
    for kind, row in before.items():
        share = parts[kind] / expected
        if share >= 0.1:
            weight = max(LEAST_WEIGHT, 1 / (row.seen + 2)) * share
            after[kind] = Ratio(min(max(row.factor * (1 + weight * error), LEAST_FACTOR), MOST_FACTOR), row.seen + 1)
    return after


def _start(model: str, measure: Measure) -> float:
    """The factor before anything was learned. `tokens.estimate` leans upwards by a third, on code as o200k_base counts
    it, so it needs a factor only beyond that."""
    way = tokens.encoding_for(model)
    factor = 1.0 if way.exact else way.factor
    return factor if measure == "o200k_base" else max(1.0, factor * tokens.CHARS_PER_TOKEN / 4.27)


def _add_up(counts: Iterable[tuple[Kind, int]]) -> Sums:
    sums: Sums = {}
    for kind, count in counts:
        sums[kind] = sums.get(kind, 0.0) + count
    return sums


def kind_of(text: str) -> Kind:
    """Whether a text is prose or code, by the share of symbols in its middle, where no licence stands."""
    start = max(0, len(text) - _SAMPLE_CHARS) // 2
    sample = text[start : start + _SAMPLE_CHARS]
    return "code" if sum(map(sample.count, _SYMBOLS)) > _CODE_SHARE * len(sample) else "prose"


# --- what is counted ------------------------------------------------------------------------------------------------


def count_exactly(request: Request, target: Target) -> Count | None:
    """The number that OpenAI's published rule gives for a conversation of mere texts; None where it has no say.

    Raises:
        AiexError: if the request cannot be encoded.
    """
    model = target.profile.model.rpartition("/")[2]
    way = tokens.encoding_for(target.name)
    if not way.exact or not _OPENAI_RULE.match(model) or request.tools or request.response_schema is not None:
        return None
    if target.codec.name not in ("openai-chat", "openai-responses"):
        return None
    texts = _plain_texts(target.codec.encode(request, target.profile))
    counts = [tokens.tally(text, way.encoding) for text in texts or ()]
    if not counts or not all(count is not None and count.exact for count in counts):
        return None
    total = sum(count.tokens for count in counts if count is not None)
    return Count(total + MESSAGE_TOKENS * len(counts) + REPLY_TOKENS, exact=True)


def _plain_texts(body: Mapping[str, Any]) -> list[str] | None:
    """The text of each message as it is sent; None when a message is anything but one text."""
    texts: list[str] = [body["instructions"]] if body.get("instructions") else []
    for message in body.get("messages") or body.get("input") or ():
        content = message.get("content")
        if isinstance(content, list) and len(content) == 1 and set(content[0]) <= {"type", "text", "annotations"}:
            content = content[0].get("text")
        if not isinstance(content, str) or not set(message) <= {"role", "content", "type"}:
            return None
        texts.append(content)
    return texts


def _overhead(request: Request, weight: _Weight) -> int:
    """Tokens for what is no text."""
    frame = MESSAGE_TOKENS * len(request.messages) + TOOL_TOKENS * len(request.tools) + REPLY_TOKENS
    return frame + weight.pictures * IMAGE_TOKENS


class _Weight(NamedTuple):
    """What texts and pictures are when nothing but lengths is looked at."""

    prose: int = 0
    """Tokens, about."""
    code: int = 0
    chars: int = 0
    pictures: int = 0
    teaches: bool = True
    """How it is counted is known."""

    def by_kind(self) -> Sums:
        """The tokens of each kind that there is."""
        sums: Sums = {"prose": self.prose, "code": self.code}
        return {kind: number for kind, number in sums.items() if number}


_TOOLS: Final[Memo[_Weight]] = Memo(most=16)
_REQUESTS: Final[Memo[_Weight]] = Memo(most=4)
_GROWN: list[tuple[tuple[Message, ...], _Weight]] = [((), _Weight())]
"""The messages of the last request, which mostly stand at the beginning of the next one."""


def _weigh(request: Request) -> _Weight:
    """All parts and tools of a request, looked into once for all requests that they are in."""
    return _REQUESTS.get(request, (), partial(_weigh_anew, request))


def _weigh_anew(request: Request) -> _Weight:
    messages, (before, known) = request.messages, _GROWN[0]
    goes_on = len(before) <= len(messages) and all(map(is_, before, messages))
    new = messages[len(before) if goes_on else 0 :]
    said = _add([known if goes_on else _Weight(), *(_weigh_part(part) for message in new for part in message.parts)])
    _GROWN[0] = messages, said
    tools = _TOOLS.get(request.tools, (), lambda: _add([_Weight(), *map(_weigh_tool, request.tools)]))
    if request.response_schema is None:
        return _add([said, tools])
    return _add([said, tools, _weigh_text(_to_words(request.response_schema))])


def _add(weights: Sequence[_Weight]) -> _Weight:
    prose, code, chars, pictures, teaches = zip(*weights, strict=True)
    return _Weight(sum(prose), sum(code), sum(chars), sum(pictures), all(teaches))


def _weigh_part(part: Part) -> _Weight:
    text = _text_of(part)
    weight = _weigh_text(text) if text is not None else _Weight()
    pictures = 1 if isinstance(part, Image) else len(part.images) if isinstance(part, ToolResult) else 0
    if not pictures and text is not None:
        return weight
    return weight._replace(pictures=pictures, teaches=not pictures and not isinstance(part, Opaque))


def _weigh_tool(tool: ToolDefinition) -> _Weight:
    return _weigh_text(_tool_text(tool))


def _weigh_text(text: str) -> _Weight:
    number = tokens.estimate(text).tokens
    is_code = kind_of(text) == "code"
    return _Weight(0 if is_code else number, number if is_code else 0, len(text))


def _texts(request: Request) -> Iterator[str]:
    """Every text that goes to the model; a signed block is counted by the parts it stands for."""
    for message in request.messages:
        for part in message.parts:
            if (text := _text_of(part)) is not None:
                yield text
    yield from map(_tool_text, request.tools)
    if request.response_schema is not None:
        yield _to_words(request.response_schema)


def _text_of(part: Part) -> str | None:
    match part:
        case Text(text) | Reasoning(text) | Refusal(text):
            return text
        case Document(title, media_type, text):
            return f"[Document: {title} ({media_type})]\n\n{text}\n\n[End of document: {title}]"
        case ToolCall():
            return part.name + _to_words(part.arguments)
        case ToolResult():
            return part.text
        case _:
            return None


def _tool_text(tool: ToolDefinition) -> str:
    return f"{tool.name}\n{tool.description}\n{_to_words(tool.parameters)}"


def _to_words(value: Mapping[str, Any]) -> str:
    return heal(_write(value))


_write: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=str).encode


def _is_offline(model: str) -> bool:
    return model.partition("/")[0] == tokens.OFFLINE


def _ceil(number: float) -> int:
    return -int(-number // 1)
