"""Parley on one machine: the handlers of `functions/`, called by an emulated API Gateway and emulated event source mappings.

Nothing in here knows a rule of the product. What runs, with which settings and limits, is read from `template.yaml`.
"""
