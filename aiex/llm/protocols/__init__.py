"""What the codecs of `providers` are made of: encoding, decoding and quirks of each wire protocol."""
