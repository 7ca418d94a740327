"""The store: the only package that knows DynamoDB, its keys and its conditions."""
