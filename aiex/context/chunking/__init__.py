"""Cuts source into meaning-sized pieces that cover the file byte for byte."""
