"""Parley on one machine: the handlers of `functions/`, called by stand-ins for API Gateway and event source mappings.

No rule of chat is in here. Functions, settings and limits are read from `template.yaml`.
"""
