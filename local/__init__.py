"""Parley on one machine: the handlers of `functions/`, called by stand-ins for API Gateway and event source mappings.

Nothing in here knows a rule of the product. Functions, settings and limits are read from `template.yaml`.
"""
