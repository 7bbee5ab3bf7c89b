"""What is asked before a request goes out and told what it used: the seam for limits and budgets."""

from typing import Protocol

from aiex.messages import Usage


class Gate(Protocol):
    """Keeps requests within limits; `target_name` is `provider/model`, `key_id` tells keys apart without being one."""

    async def before(self, target_name: str, key_id: str, tokens: int) -> object:
        """Take one request and its estimated tokens from the limits, in one step; what `after` is to be given.

        Raises:
            Transient: of kind `rate_limit` and with `retry_after_s` when there is room only later. The router waits so
                long and says so, or asks somebody else.
            BudgetEnded: when a budget is used up; nobody else is asked then.
        """

    async def after(self, lease: object, usage: Usage | None) -> None:
        """The request is over and used this much; None when the vendor did not say, as after a failure."""

    async def pushed(self, target_name: str, key_id: str, retry_after_s: float | None) -> None:
        """The vendor said that its own limit is reached, for so long; None when it gave no time."""


class OpenGate:
    """Lets everything through."""

    async def before(self, target_name: str, key_id: str, tokens: int) -> object:
        """Nothing is taken."""
        return None

    async def after(self, lease: object, usage: Usage | None) -> None:
        """Nothing is given back."""

    async def pushed(self, target_name: str, key_id: str, retry_after_s: float | None) -> None:
        """Nothing is noted."""
