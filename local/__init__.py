"""Parley on one machine: the handlers of `functions/`, called by stand-ins for API Gateway and event source mappings.

Nothing in here knows a rule of the product. What runs, with which settings and limits, is read from `template.yaml`.
"""
