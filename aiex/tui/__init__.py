"""The screen: a person talks to a model and sees what it does, while everything stays answerable."""
