"""Texts as vectors: kept by content, searched for what is nearest, grouped by likeness. Off unless somebody asks."""
