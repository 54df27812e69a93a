"""Gathers the site's pages: documents, READMEs, model cards, and what is made from the source."""
