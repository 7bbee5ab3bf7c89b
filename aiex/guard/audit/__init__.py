"""The audit log: what was asked of the guard, what it decided and what came of it, sealed and chained."""
