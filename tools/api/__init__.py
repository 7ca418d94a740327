"""The parts of the documents about the API: texts, schemas, words for values, examples, refusals of operations."""
