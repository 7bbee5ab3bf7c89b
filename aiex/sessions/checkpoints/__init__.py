"""The files of a workspace as they were: taken before a step that may change them, brought back byte for byte."""
