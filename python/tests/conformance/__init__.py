"""The Python runner of the suite that all languages share; `tests/conformance/README.md` is its specification."""
