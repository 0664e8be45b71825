"""Hold the project's own corpus: one TOML file for each language, and what reads them."""

from services.classifier.training.corpus.read import CorpusError, CorpusItem, Kind, kinds, load_corpus, read_line

__all__ = ["CorpusError", "CorpusItem", "Kind", "kinds", "load_corpus", "read_line"]
