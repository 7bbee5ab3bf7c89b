"""Where the package under test stands; processes of tests import it from there, without the test runner."""

import os

import aiex

SOURCE_ROOT = os.path.dirname(os.path.dirname(os.path.abspath(aiex.__file__)))
"""The folder that holds the package under test: processes started by tests import the same one."""
