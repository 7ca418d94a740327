"""AWS on loopback: the engines that stand in for it, and what the template declares made in them."""
