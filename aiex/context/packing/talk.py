"""Fits a conversation into a number of tokens: what people said stays word for word, old work gives way.

Nothing happens until the conversation fills `START` of the budget; then it is taken down to `GOAL` in one go. In
between every request begins exactly as the one before, which is what a vendor's cache needs; what was taken out once
stays out, in the same words.
"""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, NamedTuple

from aiex.context.packing.compacted import Clip, Compaction, Note, apply, calls_by_result, digest_of, is_about
from aiex.context.packing.counting import Counts, CountTokens, remembering
from aiex.context.packing.history import History
from aiex.context.packing.talkparts import Place, extract_work, left_out_document, left_out_result, weigh, weigh_part
from aiex.errors import ContextOverflow
from aiex.messages import Document, Message, Opaque, Reasoning, ToolResult

START = 0.85
GOAL = 0.6
"""Shares of the budget: where taking out begins, and how far it goes."""
NOTE_SHARE = 0.05
"""Of the budget, for one note at most."""
NOTE_LINES = (80, 40, 20, 10, 5)
"""Calls listed in a note, the latest; as many as it has room for."""
SHORT_NOTE_CHARS = 300
LEAST_CLIP_CHARS = 100
LEAST_SAVING = 24
"""Tokens; less is not worth a change."""

Summarise = Callable[[list[Message]], str]
"""Says in words what happened in messages; may ask a model, in a thread of its own where the caller must not wait."""


class TalkEffect(NamedTuple):
    """What fitting saved."""

    before_tokens: int
    after_tokens: int
    left_out: int
    """Results and documents whose text is not sent."""
    noted: int
    """Messages that notes stand for."""

    def to_data(self) -> dict[str, Any]:
        """The same as JSON."""
        saved = 1 - self.after_tokens / self.before_tokens if self.before_tokens else 0.0
        return {**self._asdict(), "saved_share": round(saved, 4)}


class FittedTalk(NamedTuple):
    """A conversation that fits."""

    messages: tuple[Message, ...]
    tokens: int
    decided: Compaction
    """To be passed in the next time."""
    changed: bool
    """Whether anything new was taken out."""
    effect: TalkEffect


def fit_talk(
    messages: Sequence[Message],
    budget_tokens: int,
    count: CountTokens,
    *,
    pinned: Callable[[Message], bool] = lambda _: False,
    summarise: Summarise | None = None,
    decided: Compaction | None = None,
) -> FittedTalk:
    """The conversation in at most `budget_tokens`, in a form that every vendor accepts when the whole was.

    System messages, the words of users and what is pinned stay as they are. First the results of old tool calls go, the
    most tokens for the least worth first, and old thinking; then the latest results about files, errors and what is
    spoken of later; then old steps, for which a note stands; and only when all this is too little, what is recent.

    Args:
        messages: The whole conversation, from its beginning, each time.
        count: Tokens of a text; one `Counts` kept over the turns saves counting old messages again.
        pinned: Messages that stay whole, such as the goal and the open tasks.
        summarise: Writes the notes; without it, or when it gives nothing, they list the calls that were made.
        decided: What the last call gave for the same conversation; ignored when it is about another.

    Raises:
        ContextOverflow: if what must stay does not fit.
    """
    counts = remembering(count)
    if decided is None or not is_about(decided, messages):
        decided = Compaction()
    talk = Talk(messages, budget_tokens, counts, pinned, summarise, decided)
    before_tokens = sum(weigh(message, counts, keep=True) for message in messages)
    talk.compact()
    sent, tokens = talk.view()
    if tokens > budget_tokens:
        raise ContextOverflow(
            f"what must stay of the conversation has {tokens:,} tokens, and {budget_tokens:,} fit",
            hint="begin a new session, or use a model with a larger window",
            needed_tokens=tokens,
            limit_tokens=budget_tokens,
        )
    effect = TalkEffect(
        before_tokens,
        tokens,
        len(talk.decided.left_out),
        sum(note.last - note.first for note in talk.decided.notes),
    )
    return FittedTalk(tuple(sent), tokens, talk.decided, talk.decided != decided, effect)


class Talk:
    """One fitting of a conversation."""

    def __init__(
        self,
        messages: Sequence[Message],
        budget_tokens: int,
        counts: Counts,
        pinned: Callable[[Message], bool],
        summarise: Summarise | None,
        decided: Compaction,
    ) -> None:
        self.messages = messages
        self.budget = budget_tokens
        self.counts = counts
        self.summarise = summarise
        self.decided = decided
        self.pinned = pinned
        self._view: tuple[Compaction, list[Message], int] | None = None

    def compact(self) -> None:
        """Decide what goes, in the order of what is missed least."""
        if self.tokens() <= self.budget * START:
            return
        self.history = History(self.messages, self.pinned)
        goal, limit = int(self.budget * GOAL), int(self.budget * START)
        old, last = self.history.recent_from, self.history.last_from
        gentle: list[Callable[[], None]] = [
            lambda: self.leave_out_results(goal, old, most_worth=1.0),
            lambda: self.drop_thoughts(min(old, self.history.turn_from)),
            lambda: self.leave_out_results(goal, old),
            lambda: self.note_steps(goal, old),
        ]
        hard: list[Callable[[], None]] = [
            lambda: self.leave_out_documents(limit, old),
            lambda: self.leave_out_results(limit, last),
            lambda: self.note_steps(limit, last),
            self.shorten_notes,
            lambda: self.leave_out_documents(self.budget, self.history.turn_from),
            self.clip_last,
        ]
        for stages, enough in ((gentle, goal), (hard, limit)):
            for stage in stages:
                if self.tokens() <= enough:
                    break
                stage()
        reach = len(self.messages)
        self.decided = self.decided._replace(reach=reach, digest=digest_of(self.messages))

    def tokens(self) -> int:
        """Of the conversation as it would be sent now."""
        return self.view()[1]

    def view(self) -> tuple[list[Message], int]:
        """The conversation as it would be sent now, and its tokens."""
        if self._view is None or self._view[0] is not self.decided:
            sent = apply(self.decided, self.messages, self._calls)
            self._view = self.decided, sent, sum(weigh(message, self.counts) for message in sent)
        return self._view[1:]

    @cached_property
    def _calls(self) -> dict[Place, Place]:
        return calls_by_result(self.messages)

    # --- results and documents --------------------------------------------------------------------------------------

    def leave_out_results(self, goal: int, before: int, most_worth: float = float("inf")) -> None:
        """Take the text from results before a message, least worth per token first, until the goal is reached."""
        excess = self.tokens() - goal
        gone = [*self.decided.left_out]
        for result in self.history.results(self.counts):
            if excess <= 0:
                break
            if result.place.message >= before or result.worth > most_worth or self.is_gone(result.place):
                continue
            part = self.messages[result.place.message].parts[result.place.part]
            if not isinstance(part, ToolResult):
                continue
            saved = result.tokens - weigh_part(left_out_result(result.call, part), self.counts)
            if saved >= LEAST_SAVING:
                gone.append(result.place)
                excess -= saved
        self.decided = self.decided._replace(left_out=tuple(sorted(gone)))

    def leave_out_documents(self, goal: int, before: int) -> None:
        """Take the text from material that came with the words of users, oldest first."""
        excess = self.tokens() - goal
        gone = [*self.decided.left_out]
        for at, message in enumerate(self.messages[:before]):
            for number, part in enumerate(message.parts):
                place = Place(at, number)
                if excess <= 0 or not isinstance(part, Document) or at in self.history.pinned or self.is_gone(place):
                    continue
                saved = weigh_part(part, self.counts) - weigh_part(left_out_document(part), self.counts)
                if saved >= LEAST_SAVING:
                    gone.append(place)
                    excess -= saved
        self.decided = self.decided._replace(left_out=tuple(sorted(gone)))

    def is_gone(self, place: Place) -> bool:
        """Whether a part is not sent whole any more."""
        return place in self.decided.left_out or any(
            note.first <= place.message < note.last for note in self.decided.notes
        )

    # --- thinking and steps -----------------------------------------------------------------------------------------

    def drop_thoughts(self, before: int) -> None:
        """Leave thinking and vendors' blocks out of the turns before a message, as far as nothing of them is pinned."""
        first = min((at for at in self.history.pinned if self.has_thoughts(at)), default=before)
        self.decided = self.decided._replace(thoughts_before=max(self.decided.thoughts_before, min(before, first)))

    def has_thoughts(self, at: int) -> bool:
        return any(isinstance(part, Reasoning | Opaque) for part in self.messages[at].parts)

    def note_steps(self, goal: int, before: int) -> None:
        """Put notes in the place of the oldest steps that end before a message, until the goal is reached."""
        view = self.decided
        excess = self.tokens() - goal
        chosen: list[tuple[int, int]] = []
        for first, last in self.history.steps:
            if last > before or excess <= 0:
                break
            if any(note.first <= first < note.last for note in view.notes):
                continue
            excess -= sum(self.sent_tokens(at) for at in range(first, last))
            if chosen and chosen[-1][1] == first:
                chosen[-1] = (chosen[-1][0], last)
            else:
                chosen.append((first, last))
                excess += self.note_tokens()
        notes = [*view.notes, *(Note(first, last, self.write_note(first, last)) for first, last in chosen)]
        self.decided = view._replace(notes=tuple(sorted(notes)))

    def sent_tokens(self, at: int) -> int:
        """About what a message takes as it is sent now."""
        tokens = weigh(self.messages[at], self.counts)
        for number, part in enumerate(self.messages[at].parts):
            if Place(at, number) in self.decided.left_out or (
                at < self.decided.thoughts_before and isinstance(part, Reasoning | Opaque)
            ):
                tokens -= weigh_part(part, self.counts)
        return tokens

    def note_tokens(self) -> int:
        return max(int(self.budget * NOTE_SHARE), 40)

    def write_note(self, first: int, last: int) -> str:
        """What happened in messages, in as many tokens as a note may have."""
        messages = list(self.messages[first:last])
        text = self.summarise(messages).strip() if self.summarise else ""
        if not text:
            extracts = (extract_work(messages, lines) for lines in NOTE_LINES)
            text = next((extract for extract in extracts if self.counts(extract) <= self.note_tokens()), "")
            text = text or extract_work(messages, NOTE_LINES[-1])
        return self.shortened(text, self.note_tokens())

    def shortened(self, text: str, tokens: int) -> str:
        """A text in at most so many tokens; its end stays, because it is the latest."""
        while len(text) > 1 and self.counts(text) > tokens:
            text = "… " + text[-(len(text) * 3 // 4 - 2) :] if len(text) > 16 else ""
        return text

    def shorten_notes(self) -> None:
        """Join notes that follow each other, and shorten all."""
        joined: list[Note] = []
        for note in self.decided.notes:
            if joined and joined[-1].last == note.first:
                joined[-1] = Note(joined[-1].first, note.last, f"{joined[-1].text}\n{note.text}")
            else:
                joined.append(note)
        short = (note._replace(text=_end_of(note.text)) for note in joined)
        self.decided = self.decided._replace(notes=tuple(short))

    def clip_last(self) -> None:
        """Send only the beginning and the end of the largest results and documents that are left."""
        texts = {
            Place(at, number): part.text
            for at, message in enumerate(self.messages)
            for number, part in enumerate(message.parts)
            if isinstance(part, ToolResult | Document) and at not in self.history.pinned
        }
        known = dict(self.decided.clips)
        chars = max((len(text) for text in texts.values()), default=0)
        while chars > LEAST_CLIP_CHARS and self.tokens() > self.budget:
            chars = chars * 3 // 4
            clips = {place: chars for place, text in texts.items() if len(text) > chars + LEAST_CLIP_CHARS}
            merged = {place: min(clips.get(place, most), most) for place, most in known.items()}
            self.decided = self.decided._replace(clips=tuple(sorted(map(Clip._make, {**clips, **merged}.items()))))


def _end_of(text: str) -> str:
    return text if len(text) <= SHORT_NOTE_CHARS else f"… {text[-SHORT_NOTE_CHARS:]}"
