"""The web console: its page, how the page is served, and its inbox for webhooks."""
