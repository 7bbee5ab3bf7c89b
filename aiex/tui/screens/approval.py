"""Asks a person whether something may happen: what exactly, which rule asks, and what each answer writes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static

from aiex.agent.kit import Verdict
from aiex.guard.neutral import neutralise

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from aiex.guard.policy.offers import Offer
    from aiex.tui.backstage import ApprovalWanted

_UNTIL = {"once": "this time", "session": "in this session", "project": "in this project", "user": "for good"}


class Approval(ModalScreen["Verdict | None"]):
    """Gives the offer that counts, or None for no."""

    BINDINGS = [("escape", "dismiss", "no")]  # noqa: RUF012  (Textual reads it from the class)

    def __init__(self, wanted: ApprovalWanted) -> None:
        super().__init__()
        self.wanted = wanted

    def compose(self) -> ComposeResult:
        """The title, what would happen, the rule, and the answers."""
        one = self.wanted
        reason = f" ({one.decision.reason})" if one.decision.reason else ""
        with VerticalScroll():
            yield Static(Text(neutralise(one.title)))
            yield Static(Text(neutralise(one.preview)))
            yield Static(Text(neutralise(f"asked because of: {one.decision.rule}{reason}")))
        answers = [_describe(offer) for offer in one.offers]
        yield OptionList(*(Text(neutralise(answer)) for answer in [*answers, "no"]))

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """An answer was chosen."""
        offers = self.wanted.offers
        at = event.option_index
        self.dismiss(Verdict(offers[at]) if at < len(offers) else None)


def _describe(offer: Offer) -> str:
    rules = f": {', '.join(offer.rules)}" if offer.rules else ""
    return f"yes, {_UNTIL.get(offer.scope, offer.scope)}{rules}"
