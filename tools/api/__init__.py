"""What documents of the API are made of: texts, schemas, words for values, examples and the refusals of operations."""
