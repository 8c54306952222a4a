"""The last stage, extra `lm`: a small causal language model re-reads the pages that the fast stage leaves open.

`graph` and `build` make the reader once per machine (`detector lm build`); `reader` runs it, `probe` turns its
hidden states into log-odds, `stage` combines them with those of the fast stage. Nothing here is imported
unless the last stage is asked for.
"""
